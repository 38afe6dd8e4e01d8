use super::*;
use crate::gba::GbaMode;
use crate::gba::lifetime::from_unix_seconds;
use crate::zh::witness::impi;

#[test]
fn settings_are_read_as_they_were_written() {
    let id = UeId::of(impi());
    assert_eq!(path(&id), "/impi-001010123456789@ims.mnc001.mcc001.3gppnetwork.org/subscriber-data");
    let json = br#"{"guss":{"bsfInfo":{"uiccType":"GBA_U","lifeTime":3600},"ussList":[{"uss":{"gsId":7,"gsType":0,"ueIds":[{"ueId":"sip:a@b"}]}}]}}"#;
    let Settings::Sent { guss, timestamp: None } = read_answer(200, json).unwrap() else {
        panic!("no settings")
    };
    assert_eq!((guss.bsf_info.gba_mode(), guss.uss.len()), (GbaMode::U, 1));
    assert_eq!(answer(Some(&guss)).danger_expose(), json);
    for end in 0..json.len() {
        assert!(read_answer(200, &json[..end]).is_err(), "{end}");
    }
}

#[test]
fn no_settings_are_no_error_and_no_subscriber_is() {
    assert_eq!(answer(None).danger_expose(), b"{}");
    assert_eq!(read_answer(200, b"{}"), Ok(Settings::Absent));
    assert_eq!(read_answer(404, br#"{"cause":"DATA_NOT_FOUND"}"#), Ok(Settings::Absent));
    let unknown = read_answer(404, br#"{"cause":"USER_NOT_FOUND"}"#).unwrap_err();
    assert_eq!(unknown.vector_error(), VectorError::UnknownSubscriber);
    let (status, problem) = refuse(VectorError::Unavailable);
    assert_eq!(read_answer(status, &problem.to_json()).unwrap_err().vector_error(), VectorError::Unavailable);
}

#[test]
fn subscriptions_and_news_are_read() {
    let subscription = Subscription {
        nf_instance_id: "0f0f0f0f-0000-4000-8000-000000000000".to_owned(),
        callback_reference: "http://bsf.lab.example/news".to_owned(),
        monitored_resource_uris: vec![path(&UeId::of(impi()))],
        expires: Some(from_unix_seconds(1_893_456_000)),
    };
    assert_eq!(Subscription::parse(subscription.to_json().danger_expose()), Ok(subscription));
    assert!(Subscription::parse(b"{}").is_err());
    assert_eq!(subscriptions_path(&UeId::Msisdn("12345".to_owned())), "/msisdn-12345/subscriptions");
    let news = br#"{"notifyItems":[{"resourceId":"/x/subscriber-data","changes":[{"op":"REPLACE","path":"/guss"}]}]}"#;
    assert_eq!(changed_resources(news), Ok(vec!["/x/subscriber-data".to_owned()]));
    assert!(changed_resources(b"{}").is_err());
}
