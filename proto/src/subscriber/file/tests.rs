use super::*;
use crate::aka::AkaKey;
use crate::gba::GbaMode;
use crate::hex;
use crate::zh::CardAka;

const K: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
const OP: &str = "cdc202d5123e20f62b6d676ac72cb318";
const OPC: &str = "cd63cb71954a9f4e48a5994e37a02baf";

fn csv(text: &str) -> Result<Vec<Subscriber>, Vec<String>> {
    let lines = |bad: Vec<BadLine>| bad.iter().map(ToString::to_string).collect();
    parse(text.as_bytes(), Format::Csv).map_err(lines)
}

#[test]
fn a_file_may_have_its_columns_in_any_order_and_leave_the_rest_out() {
    let text = format!("\u{feff}OPc, k ,imsi\r\n\r\n# a comment\r\n{OPC},{K},001010123456789\r\n");
    let found = csv(&text).unwrap();
    let one = &found[0];
    assert_eq!(one.impi.as_str(), "001010123456789@ims.mnc001.mcc001.3gppnetwork.org");
    assert_eq!((one.amf.0, one.sqn.value(), one.gba_mode, one.consent), ([0x80, 0], 0, GbaMode::Me, false));
}

#[test]
fn op_gives_the_known_opc() {
    let found = csv(&format!("imsi,k,op\n001010123456789,{K},{OP}\n")).unwrap();
    let Some(AkaKey::Milenage { opc, .. }) = &found[0].key else { panic!("not MILENAGE") };
    assert_eq!(hex::encode(opc.danger_expose()), OPC);
}

#[test]
fn every_column_is_read() {
    let top = "5555555555555555555555555555555555555555555555555555555555555555";
    let text = format!(
        "imsi,k,top,algorithm,amf,sqn,uicc,impi,msisdn,impu,mnc_length,res_bits,keccak_iterations,key_lifetime,consent\n\
         310410123456789,{K},{top},TUAK,b9b9,0000000000ff,GBA_U,a@b,+491701,sip:a@b;tel:1,3,128,2,1h30m,yes\n"
    );
    let one = csv(&text).unwrap().remove(0);
    let Some(AkaKey::Tuak { res_octets, iterations, .. }) = one.key else { panic!("not TUAK") };
    assert_eq!((res_octets, iterations), (16, 2));
    assert_eq!((one.impi.as_str(), one.sqn.value(), one.gba_mode), ("a@b", 255, GbaMode::U));
    assert_eq!((one.msisdn.as_deref(), one.impus.len(), one.consent), (Some("491701"), 2, true));
    assert_eq!(one.key_lifetime.unwrap().as_secs(), 5400);
}

#[test]
fn every_bad_line_is_named_and_no_key_is_repeated() {
    let short = &K[2..];
    let text = format!(
        "imsi,k,opc\n12,{K},{OPC}\n001010123456780,{short},{OPC}\n001010123456781,{K},{OPC}\n001010123456782,{K}\n\
         001010123456781,{K},{OPC}\n001010123456783,{K},\n"
    );
    let bad = csv(&text).unwrap_err();
    let starts = [
        "line 2: imsi: ",
        "line 3: k: 32 hex",
        "line 5: 2 fields",
        "line 6: the same IMSI as in line 4",
        "line 7: opc: opc or op",
    ];
    assert_eq!(bad.len(), starts.len(), "{bad:?}");
    for (line, start) in bad.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
        assert!(!line.contains(short) && !line.contains(OPC), "{line}");
    }
}

#[test]
fn a_header_line_that_names_unknown_columns_is_refused() {
    let bad = csv(&format!("imsi,k,opc,pin\n1,{K},{OPC},1\n")).unwrap_err();
    assert!(bad[0].starts_with("line 1: unknown column \"pin\""), "{bad:?}");
    assert!(csv("imsi,opc\n").unwrap_err()[0].contains("at least imsi and k"));
    assert!(
        csv(&format!("imsi,opc\n001010123456789,{OPC}\n")).unwrap_err()[0].contains("at least imsi and k")
    );
    assert!(csv("imsi,k,k\n").unwrap_err()[0].contains("stands twice"));
    assert!(csv("").is_err() && csv("imsi,k,opc\n").unwrap_err()[0].contains("no subscriber"));
}

#[test]
fn a_file_without_its_header_line_does_not_show_the_first_key() {
    let csv = csv(&format!("001010123456789,{K},{OPC}\n")).unwrap_err();
    let json = parse(format!("{{\"{K}\":\"k\"}}").as_bytes(), Format::JsonLines).unwrap_err();
    let told: Vec<String> = csv.into_iter().chain(json.iter().map(ToString::to_string)).collect();
    assert_eq!(told.len(), 4);
    for line in told {
        assert!(line.starts_with("line 1: unknown column; known: imsi, "), "{line}");
        assert!(!line.contains(K) && !line.contains(OPC) && !line.contains("001010"), "{line}");
    }
}

#[test]
fn mixed_algorithms_are_refused() {
    let refused = |columns: &str, values: &str| {
        csv(&format!("imsi,k,{columns}\n001010123456789,{K},{values}\n")).unwrap_err()
    };
    assert!(refused("opc,op", &format!("{OPC},{OP}"))[0].contains("op: opc and op exclude"));
    assert!(refused("opc,algorithm", &format!("{OPC},tuak"))[0].contains("opc: only with"));
    assert!(refused("topc", &"5".repeat(64))[0].contains("topc: only with"));
    assert!(refused("opc,algorithm", &format!("{OPC},xor"))[0].contains("algorithm: milenage, tuak or none"));
    assert!(refused("opc,uicc", &format!("{OPC},USIM"))[0].contains("uicc: GBA, GBA_U or SIM"));
}

#[test]
fn a_line_without_a_key_says_so_and_has_settings_alone() {
    let guss = "<guss><bsfInfo><uiccType>GBA_U</uiccType><lifeTime>60</lifeTime></bsfInfo></guss>";
    let found = csv(&format!("imsi,algorithm,guss,uicc\n001010123456789,none,{guss},\n")).unwrap();
    assert_eq!((&found[0].key, found[0].gba_mode), (&None, GbaMode::U));
    assert_eq!(found[0].key_lifetime.unwrap().as_secs(), 60);
    assert!(found[0].guss.is_some());
    let over = format!("imsi,algorithm,guss,uicc,key_lifetime\n001010123456789,none,{guss},GBA,2m\n");
    let found = csv(&over).unwrap();
    assert_eq!((found[0].gba_mode, found[0].key_lifetime.unwrap().as_secs()), (GbaMode::Me, 120));
    let refused = |text: String| csv(&text).unwrap_err().remove(0);
    assert!(refused("imsi,algorithm\n001010123456789,\n".to_owned()).starts_with("line 2: k: missing"));
    assert!(refused(format!("imsi,algorithm,k\n001010123456789,none,{K}\n")).contains("k: not with"));
    assert!(
        refused("imsi,algorithm,guss\n001010123456789,none,<uss/>\n".to_owned()).contains("guss: neither")
    );
}

#[test]
fn json_lines_have_the_same_names() {
    let text = format!(
        "\n{{\"imsi\":\"001010123456789\",\"k\":\"{K}\",\"opc\":\"{OPC}\",\"consent\":true,\"impu\":[\"sip:a\",\"sip:b\"]}}\n"
    );
    let found = parse(text.as_bytes(), Format::JsonLines).unwrap();
    assert!(found[0].consent && found[0].impus.len() == 2);
    for bad in ["{", "[]", "{\"imsi\":{}}", "{\"pin\":1}", "{\"imsi\":\"001010123456789\"}"] {
        let bad = parse(bad.as_bytes(), Format::JsonLines).unwrap_err();
        assert_eq!(bad[0].line, 1);
    }
}

#[test]
fn settings_are_read_as_xml_and_as_json_and_columns_of_their_own_are_stronger() {
    let xml = "<guss><bsfInfo><uiccType>GBA_U</uiccType><lifeTime>60</lifeTime></bsfInfo><ussList>\
               <uss id=\"\"1\"\" type=\"\"0\"\"><uids><uid>sip:a@b</uid></uids></uss></ussList></guss>";
    let line = |columns: &str, values: &str| {
        csv(&format!("imsi,k,opc,guss{columns}\n001010123456789,{K},{OPC},\"{xml}\"{values}\n"))
            .unwrap()
            .remove(0)
    };
    let one = line("", "");
    let seconds = |one: &Subscriber| one.key_lifetime.map(|lifetime| lifetime.as_secs());
    assert_eq!((one.gba_mode, seconds(&one)), (GbaMode::U, Some(60)));
    let settings = one.settings();
    assert_eq!(
        (settings.impi.as_ref(), &settings.uss[0].uids[..]),
        (Some(&one.impi), &["sip:a@b".to_owned()][..])
    );
    let other = line(",uicc,key_lifetime", ",GBA,90s");
    assert_eq!((other.gba_mode, seconds(&other)), (GbaMode::Me, Some(90)));
    assert_eq!(other.settings().bsf_info.gba_mode(), GbaMode::Me);
    let json = format!(
        "{{\"imsi\":\"001010123456789\",\"k\":\"{K}\",\"opc\":\"{OPC}\",\"guss\":{{\"bsfInfo\":{{\"uiccType\":\"GBA_U\",\
         \"lifeTime\":60}},\"ussList\":[{{\"uss\":{{\"gsId\":1,\"gsType\":0,\"ueIds\":[{{\"ueId\":\"sip:a@b\"}}]}}}}]}}}}"
    );
    assert_eq!(parse(json.as_bytes(), Format::JsonLines).unwrap(), [one]);
}

#[test]
fn settings_that_cannot_be_read_are_a_bad_line() {
    for bad in ["<guss>", "<!DOCTYPE a><guss/>", "{", "nonsense"] {
        let told = csv(&format!("imsi,k,opc,guss\n001010123456789,{K},{OPC},{bad}\n")).unwrap_err();
        assert!(told[0].starts_with("line 2: guss: "), "{told:?}");
    }
}

#[test]
fn a_subscriber_without_given_settings_has_those_of_its_columns() {
    let one = csv(&format!("imsi,k,opc,uicc,key_lifetime\n001010123456789,{K},{OPC},GBA_U,1h\n"))
        .unwrap()
        .remove(0);
    let info = one.settings().bsf_info;
    assert_eq!((one.guss, info.gba_mode(), info.life_time.unwrap().as_secs()), (None, GbaMode::U, 3600));
}

#[test]
fn a_file_tells_how_it_is_written() {
    for (content, format) in [
        ("{}", Format::JsonLines),
        (" \n{", Format::JsonLines),
        ("\u{feff}{", Format::JsonLines),
        ("imsi,k", Format::Csv),
        ("", Format::Csv),
    ] {
        assert_eq!(Format::of(content.as_bytes()), format, "{content:?}");
    }
}

#[test]
fn a_sim_and_a_digest_credential_are_read() {
    let ha1 = "97ba36405cc0b162e061ef550feb1e64";
    let text = format!(
        "imsi,k,opc,uicc,impi,ha1,realm\n001010123456780,{K},{OPC},SIM,,,\n\
         001010123456781,{K},{OPC},,a@home1.net,{ha1},\n001010123456782,{K},{OPC},,,{ha1}{ha1},home2.net\n"
    );
    let found = csv(&text).unwrap();
    assert_eq!((found[0].card, found[0].gba_mode, &found[0].digest), (CardAka::Gsm, GbaMode::Me, &None));
    let told = |at: usize| {
        let digest = found[at].digest.as_ref().unwrap();
        (found[at].card, digest.realm.as_str(), digest.algorithm.as_str(), digest.ha1.len())
    };
    assert_eq!(told(1), (CardAka::Umts, "home1.net", "MD5", 16));
    assert_eq!(told(2), (CardAka::Umts, "home2.net", "SHA-256", 32));
}

#[test]
fn a_bad_digest_credential_is_named_and_not_repeated() {
    let ha1 = "97ba36405cc0b162e061ef550feb1e64";
    let line = |rest: &str| format!("imsi,k,opc,ha1,realm\n001010123456780,{K},{OPC},{rest}\n");
    for (rest, expected) in [
        (format!("{ha1}00,r"), "line 2: ha1: 32 hex digits"),
        (",r".to_owned(), "line 2: realm: only with ha1"),
        (format!("{ha1},a\\b"), "line 2: realm: "),
    ] {
        let bad = csv(&line(&rest)).unwrap_err();
        assert!(bad[0].starts_with(expected) && !bad[0].contains(ha1), "{bad:?}");
    }
}
