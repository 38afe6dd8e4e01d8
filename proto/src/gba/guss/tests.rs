use super::json::{GussJson, UssListItem};
use super::*;
use crate::sbi;
use proptest::prelude::*;

/// A GUSS with everything in it.
pub(crate) fn whole() -> Guss {
    Guss {
        impi: Some(Impi::parse("001010123456789@ims.mnc001.mcc001.3gppnetwork.org").unwrap()),
        bsf_info: BsfInfo {
            uicc_type: Some(GbaMode::U),
            life_time: Some(Duration::from_secs(3600)),
            security_features: vec![SecurityFeature("GPL_U".to_owned()), SecurityFeature("X".to_owned())],
        },
        uss: vec![
            Uss {
                gs_id: GsId(1),
                service_type: ServiceType::PKI_PORTAL,
                naf_group: Some("A & \"B\"".to_owned()),
                uids: vec!["sip:user@example.org;x=<1>".to_owned(), "tel:+1".to_owned()],
                flags: vec![
                    ServiceType::AUTHENTICATION_CERTIFICATE,
                    ServiceType::NON_REPUDIATION_CERTIFICATE,
                ],
                key_choice: Some(KeyChoice::Uicc),
            },
            Uss { gs_id: GsId(1_000_000), uids: vec!["sip:a@b".to_owned()], ..Uss::default() },
        ],
    }
}

/// What an HSS that is older than the schema's namespace writes: no namespace, GSID and type the same, empty flags.
const OLD_HSS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><guss id=\"alice@open-ims.test\"><bsfInfo>\
    <uiccType>GBA</uiccType><lifeTime>3600</lifeTime></bsfInfo><ussList><uss id=\"1\" type=\"1\" nafGroup=\"A\">\
    <uids><uid>sip:alice@open-ims.test</uid></uids><flags><flag>2</flag><flag>1</flag></flags></uss>\
    <uss id=\"0\" type=\"0\"><uids><uid>sip:alice@open-ims.test</uid></uids><flags></flags></uss></ussList></guss>";

#[test]
fn the_canonical_document_is_as_the_schema_has_it() {
    let xml = String::from_utf8(whole().to_xml(Namespace::R9)).unwrap();
    assert_eq!(
        xml,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <guss xmlns=\"urn:3gpp:gba:GBAGUSSSchema-R9:2010-02\" id=\"001010123456789@ims.mnc001.mcc001.3gppnetwork.org\">\
         <bsfInfo><uiccType>GBA_U</uiccType><lifeTime>3600</lifeTime><securityFeatures>GPL_U;X</securityFeatures></bsfInfo>\
         <ussList><uss id=\"1\" type=\"1\" nafGroup=\"A &amp; &quot;B&quot;\"><uids>\
         <uid>sip:user@example.org;x=&lt;1&gt;</uid><uid>tel:+1</uid></uids><flags><flag>1</flag><flag>2</flag></flags>\
         <keyChoice>UICC-based-key</keyChoice></uss>\
         <uss id=\"1000000\" type=\"0\"><uids><uid>sip:a@b</uid></uids></uss></ussList></guss>"
    );
    assert_eq!(Guss::parse(xml.as_bytes()), Ok(whole()));
    assert_eq!(Guss::parse(&whole().to_xml(Namespace::None)), Ok(whole()));
    assert!(!whole().to_xml(Namespace::None).windows(5).any(|part| part == b"xmlns"));
    let list = Uss::list_to_xml(&whole().uss, Namespace::R9);
    assert_eq!(Uss::parse_list(&list), Ok(whole().uss));
    assert_eq!(Uss::parse_list(xml.as_bytes()), Ok(whole().uss));
}

#[test]
fn empty_settings_are_an_empty_root() {
    assert_eq!(
        Guss::default().to_xml(Namespace::None),
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<guss></guss>"
    );
    for empty in ["<guss/>", "<ussList/>", "<guss><ussList/></guss>", "<guss id='nobody'><bsfInfo/></guss>"] {
        assert_eq!(Guss::parse(empty.as_bytes()), Ok(Guss::default()), "{empty}");
    }
    assert_eq!(Guss::default().bsf_info.gba_mode(), GbaMode::Me);
}

#[test]
fn an_older_hss_is_read() {
    let guss = Guss::parse(OLD_HSS.as_bytes()).unwrap();
    assert_eq!(guss.impi, Impi::parse("alice@open-ims.test").ok());
    assert_eq!(guss.bsf_info.gba_mode(), GbaMode::Me);
    assert_eq!(guss.bsf_info.key_lifetime(), Some(Duration::from_secs(3600)));
    assert_eq!(guss.uss[0].flags, [2, 1]);
    assert_eq!((guss.uss[1].gs_id, guss.uss[1].flags.len()), (GsId(0), 0));
}

#[test]
fn prefixes_order_and_unknown_elements_do_not_matter() {
    let xml = "\u{feff}<?xml version='1.0'?><!-- x --><g:guss xmlns:g='urn:x' g:id='a@b' new='1'>\n\
        <g:ussList><g:other><g:uss id='9' type='0'/></g:other>\n\
        <g:uss type=' 3 ' id='7' keyChoice='me_based_key'><g:new/><g:flags><g:flag> 5 </g:flag><g:flag>x</g:flag></g:flags>\
        <g:uids><g:uid><![CDATA[sip:]]>a&#64;b &amp; c</g:uid><g:uid/></g:uids></g:uss>\n\
        <g:uss type='1'/><g:uss id='-1'/><g:uss id='4294967296'/></g:ussList>\n\
        <g:bsfInfo><g:lifeTime>0</g:lifeTime><g:uiccType>gba-u</g:uiccType></g:bsfInfo></g:guss>\n";
    let guss = Guss::parse(xml.as_bytes()).unwrap();
    assert_eq!(guss.bsf_info.gba_mode(), GbaMode::U);
    assert_eq!((guss.bsf_info.life_time, guss.bsf_info.key_lifetime()), (Some(Duration::ZERO), None));
    let uss = Uss {
        gs_id: GsId(7),
        service_type: ServiceType::PRESENCE,
        naf_group: None,
        uids: vec!["sip:a@b & c".to_owned()],
        flags: vec![5],
        key_choice: Some(KeyChoice::Me),
    };
    assert_eq!(guss.uss, [uss]);
}

#[test]
fn bombs_and_broken_documents_are_refused() {
    let bomb = "<!DOCTYPE b [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
    for (text, error) in [
        (format!("{bomb}{OLD_HSS}"), GussError::Xml),
        (OLD_HSS.replace("<flags></flags>", "&b;"), GussError::Xml),
        (OLD_HSS.replace("nafGroup=\"A\"", "nafGroup=\"&b;\""), GussError::Xml),
        (OLD_HSS.replace("<flags></flags>", "&#0;"), GussError::Xml),
        (OLD_HSS.replace("nafGroup", "id"), GussError::Xml),
        (OLD_HSS.replace("</uids>", "</uid>"), GussError::Xml),
        (format!("<guss>{}", "<a>".repeat(20)), GussError::TooLarge),
        (" ".repeat(tree::MAX_DOCUMENT + 1), GussError::TooLarge),
        (String::new(), GussError::Xml),
        ("guss".to_owned(), GussError::Xml),
        ("<guss/><guss/>".to_owned(), GussError::Xml),
        ("<html/>".to_owned(), GussError::Root),
    ] {
        assert_eq!(Guss::parse(text.as_bytes()), Err(error), "{text}");
    }
    assert_eq!(Guss::parse(b"<guss id='\xff'/>"), Err(GussError::Xml));
    for end in 0..OLD_HSS.len() {
        assert!(Guss::parse(&OLD_HSS.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_naf_gets_what_it_asked_for_and_is_meant_for() {
    let of = |gs_id, group: Option<&str>, uid: &str| Uss {
        gs_id: GsId(gs_id),
        naf_group: group.map(str::to_owned),
        uids: vec![uid.to_owned()],
        ..Uss::default()
    };
    let uss =
        vec![of(1, None, "general"), of(1, Some("A"), "a"), of(2, Some("B"), "b"), of(3, None, "three")];
    let guss = Guss { uss, ..Guss::default() };
    let uids = |wanted: &[u32], groups: &[&str]| -> Vec<String> {
        let wanted: Vec<GsId> = wanted.iter().copied().map(GsId).collect();
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let selected = guss.select(&wanted, &groups);
        assert!(selected.iter().all(|uss| uss.naf_group.is_none()), "a NAF learns no group");
        selected.into_iter().flat_map(|uss| uss.uids).collect()
    };
    assert_eq!(uids(&[], &["A"]), Vec::<String>::new());
    assert_eq!(uids(&[1], &[]), ["general"]);
    assert_eq!(uids(&[1], &["B"]), ["general"]);
    assert_eq!(uids(&[3, 1, 3, 1], &["A"]), ["three", "a"]);
    assert_eq!(uids(&[2], &["A"]), Vec::<String>::new());
    assert_eq!(uids(&[2, 9], &["A", "B"]), ["b"]);
    assert!(guss.has(GsId(2), &["B".to_owned()]) && !guss.has(GsId(2), &[]));
}

#[test]
fn key_choices_are_read_in_every_spelling() {
    for (text, choice) in [
        ("ME-based-key", KeyChoice::Me),
        ("ME_BASED_KEY", KeyChoice::Me),
        ("UICC-based-key", KeyChoice::Uicc),
        ("ME-UICC-based-keys", KeyChoice::MeAndUicc),
        ("ME_UICC_BASED_KEY", KeyChoice::MeAndUicc),
        ("later", KeyChoice::Other("later".to_owned())),
    ] {
        assert_eq!(KeyChoice::parse(text), choice, "{text}");
    }
    assert_eq!(KeyChoice::parse(KeyChoice::Other("later".to_owned()).json()).xml(), "later");
}

#[test]
fn json_says_the_same_as_xml() {
    let json = r#"{"bsfInfo":{"uiccType":"GBA_U","lifeTime":3600,"securityFeatures":["GPL_U","X"]},"ussList":[{"uss":{"gsId":1,"gsType":1,"ueIds":[{"ueId":"sip:user@example.org;x=<1>"},{"ueId":"tel:+1"}],"nafGroup":"A & \"B\"","flags":[{"flag":1},{"flag":2}],"keyChoice":"UICC_BASED_KEY"}},{"uss":{"gsId":1000000,"gsType":0,"ueIds":[{"ueId":"sip:a@b"}]}}]}"#;
    let written = sbi::encode(&GussJson::from(&whole()));
    assert_eq!(written.danger_expose(), json.as_bytes());
    let read: GussJson = sbi::decode(json.as_bytes()).unwrap();
    assert_eq!(Guss::from(read), Guss { impi: None, ..whole() });
    let empty: GussJson =
        sbi::decode(b"{\"bsfInfo\":{\"lifeTime\":-1,\"uiccType\":\"NEW\"},\"x\":1}").unwrap();
    assert_eq!(Guss::from(empty), Guss::default());
    assert_eq!(sbi::encode(&GussJson::from(&Guss::default())).danger_expose(), b"{}");
    assert!(sbi::decode::<UssListItem>(b"{\"uss\":{\"gsId\":4294967296,\"gsType\":0}}").is_err());
}

#[test]
fn debug_shows_no_identity() {
    let shown = format!("{:?}", whole());
    assert!(!shown.contains("sip:") && !shown.contains("0123456789@"), "{shown}");
}

prop_compose! {
    fn any_uss()(
        gs_id: u32,
        service_type: u32,
        naf_group in proptest::option::of("[ -~]{0,8}[!-~]"),
        uids in proptest::collection::vec("[!-~](\\PC{0,8}[!-~])?", 0..3),
        flags in proptest::collection::vec(any::<u32>(), 0..3),
        key_choice in proptest::option::of(prop_oneof![
            Just(KeyChoice::Me), Just(KeyChoice::Uicc), Just(KeyChoice::MeAndUicc)
        ]),
    ) -> Uss {
        let naf_group = naf_group.map(|group| group.trim().to_owned());
        let (gs_id, service_type) = (GsId(gs_id), ServiceType(service_type));
        Uss { gs_id, service_type, naf_group, uids, flags, key_choice }
    }
}

proptest! {
    #[test]
    fn settings_survive_both_encodings(
        uss in proptest::collection::vec(any_uss(), 0..4),
        life_time in proptest::option::of(0_u32..),
        uicc_type in proptest::option::of(prop_oneof![Just(GbaMode::Me), Just(GbaMode::U)]),
    ) {
        let life_time = life_time.map(|seconds| Duration::from_secs(seconds.into()));
        let bsf_info = BsfInfo { uicc_type, life_time, security_features: Vec::new() };
        let guss = Guss { impi: None, bsf_info, uss };
        prop_assert_eq!(Guss::parse(&guss.to_xml(Namespace::R9)), Ok(guss.clone()));
        let json = sbi::encode(&GussJson::from(&guss));
        prop_assert_eq!(sbi::decode::<GussJson>(json.danger_expose()).map(Guss::from), Ok(guss));
    }

    #[test]
    fn what_xml_cannot_carry_never_breaks_the_document(uid in any::<String>()) {
        let list = [Uss { uids: vec![uid], ..Uss::default() }];
        prop_assert!(Uss::parse_list(&Uss::list_to_xml(&list, Namespace::R9)).is_ok());
    }

    #[test]
    fn no_octets_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Guss::parse(&body);
    }

    #[test]
    fn no_markup_makes_it_panic(body in "(<|>|/|&|;|#|!|\\[|\\]|\"|'|guss|ussList|uss |id|=|x|\\?){0,60}") {
        let _ = Guss::parse(body.as_bytes());
    }
}
