//! Keys over Zn, both ways.

use super::{BOUND, Bsf, Mood, decide, kind, origin, query};
use crate::{Bir, FetchError, Nbsp, Version, Zn};
use ksnaf_proto::gba::BTid;
use ksnaf_proto::zn::{NafQuery, ZnError};
use std::time::Duration;

const TOKEN: &str = "token-of-the-naf\n";

#[tokio::test]
async fn every_way_gives_the_same_key_settings_and_times() {
    let bsf = Bsf::in_mood(Mood::Good).await;
    for zn in [bsf.nbsp(Version::Http2, TOKEN), bsf.nbsp(Version::Http1, TOKEN), bsf.bir()] {
        assert_eq!(zn.fetch(&query()).await.unwrap(), decide(Mood::Good, &query()).unwrap());
        let unaware = NafQuery { gba_u_aware: false, gs_ids: Vec::new(), ..query() };
        let answer = zn.fetch(&unaware).await.unwrap();
        assert_eq!((answer.uicc_key, answer.uss.len()), (None, 0));
        zn.close().await;
    }
}

#[tokio::test]
async fn refusals_failures_and_nonsense_are_told_apart() {
    for (mood, on_nbsp, on_diameter) in [
        (Mood::Says(ZnError::NotAuthorized), "refused", "refused"),
        (Mood::Says(ZnError::UnknownTransaction), "refused", "refused"),
        (Mood::Says(ZnError::Settings), "failed", "failed"),
        (Mood::Says(ZnError::Unavailable), "failed", "failed"),
        (Mood::Closed, "refused", "unreachable"),
        (Mood::Senseless, "unusable", "unusable"),
    ] {
        let bsf = Bsf::in_mood(mood).await;
        for (zn, expected) in [(bsf.nbsp(Version::Http2, TOKEN), on_nbsp), (bsf.bir(), on_diameter)] {
            let error = zn.fetch(&query()).await.unwrap_err();
            assert_eq!(kind(&error), expected, "{mood:?}: {error}");
            if let (Mood::Says(said), FetchError::Refused { error, .. }) = (mood, &error) {
                assert_eq!(*error, said);
            }
            zn.close().await;
        }
    }
}

#[tokio::test]
async fn a_b_tid_that_the_bsf_does_not_know_is_refused_by_that_name() {
    let bsf = Bsf::in_mood(Mood::Good).await;
    let query = NafQuery { b_tid: BTid::parse("AAAA@bsf.lab.example").unwrap(), ..query() };
    for zn in [bsf.nbsp(Version::Http2, TOKEN), bsf.bir()] {
        let error = zn.fetch(&query).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused { error: ZnError::UnknownTransaction, .. }), "{error}");
        zn.close().await;
    }
}

#[tokio::test]
async fn where_nobody_listens_the_bsf_is_unreachable() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let url = format!("http://{free}").parse().unwrap();
    let nbsp = Zn::Nbsp(Nbsp::new(&url, Version::Http2, None, None, BOUND).unwrap());
    let bir = Bir::start(free, origin("naf.lab.example"), None, Duration::from_millis(300));
    for zn in [nbsp, Zn::Bir(bir)] {
        assert_eq!(kind(&zn.fetch(&query()).await.unwrap_err()), "unreachable");
    }
    let no_url = Nbsp::new(&"bsf".parse().unwrap(), Version::Http2, None, None, BOUND);
    assert_eq!(no_url.err().as_ref().map(kind), Some("url"));
}
