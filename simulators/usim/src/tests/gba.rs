//! GBA_U: bootstrap, NAF keys, the two files (TS 33.220 clause 5 and annex G, TS 31.102 clauses 4.2.79, 4.2.83, 7.1).

use super::*;
use crate::Application;

/// RAND of TS 35.208 test set 1 with AUTN*: its MAC xor the first 64 bits of SHA-1(IK).
const BOOTSTRAP: [u8; 40] =
    hex!("00 88 00 84 23 dd 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b98c7f3f0d723fb244");
const RAND: [u8; 16] = hex!("23553cbe9637a89d218ae64dae47bf35");
const NAF_ID: [u8; 22] = hex!("6e6166312e6f70657261746f722e636f6d 0100000002");
const IMPI: &[u8] = b"001010123456789@ims.mnc001.mcc001.3gppnetwork.org";
const B_TID: &[u8] = b"I1U8vpY3qJ0hiuZNrke/NQ==@bsf.mnc001.mcc001.pub.3gppnetwork.org";
const KS_EXT: [u8; 32] = hex!("0ded6046838e9558977bbf27bf6a2adc263a4e3e75f258b39cdcd1b03ac2a36e");
const KS_INT: [u8; 32] = hex!("17d1b249598683a240296079bbbc4f30f0feceb940d6121d8843927d9839996a");

/// NAF derivation.
fn derive(naf_id: &[u8]) -> Vec<u8> {
    let lc = u8::try_from(3 + naf_id.len() + IMPI.len()).unwrap();
    let length = |field: &[u8]| [u8::try_from(field.len()).unwrap()];
    [&[0x00, 0x88, 0x00, 0x84, lc, 0xde][..], &length(naf_id), naf_id, &length(IMPI), IMPI].concat()
}

/// NAF_Id of the `n`th of many NAFs.
fn naf(n: u8) -> Vec<u8> {
    [format!("naf{n}.example").as_bytes(), &[1, 0, 0, 0, 2]].concat()
}

/// What the terminal does after the BSF's 200: B-TID and lifetime behind RAND.
fn store_b_tid(card: &mut SimCard, fid: [u8; 2], b_tid: &[u8]) {
    let lifetime = b"2030-01-01T00:00:00Z";
    let length = |field: &[u8]| [u8::try_from(field.len()).unwrap()];
    let content = [&length(b_tid)[..], b_tid, &length(lifetime), lifetime].concat();
    assert_eq!(sw(card, &[&hex!("00 a4 00 0c 02")[..], &fid].concat()), 0x9000);
    let lc = u8::try_from(content.len()).unwrap();
    assert_eq!(sw(card, &[&[0x00, 0xd6, 0x00, 0x11, lc][..], &content].concat()), 0x9000);
}

/// A USIM that has bootstrapped and knows its B-TID.
fn bootstrapped(personalisation: Personalisation) -> SimCard {
    let mut card = SimCard::new(personalisation).unwrap();
    select_application(&mut card, &USIM);
    assert_eq!(data(&mut card, &BOOTSTRAP), hex!("db 08 a54211d5e3ba50bf"));
    store_b_tid(&mut card, [0x6f, 0xd6], B_TID);
    card
}

/// A record of the USIM's EF_GBANL.
fn gbanl(card: &mut SimCard, record: u8) -> Vec<u8> {
    assert_eq!(sw(card, &hex!("00 a4 00 0c 02 6fda")), 0x9000);
    data(card, &[0x00, 0xb2, record, 0x04, 0xfa])
}

#[test]
fn a_bootstrap_gives_res_alone_and_puts_rand_into_the_file() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fd6")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b0 00 00 04")), hex!("00 00 00 ff"), "nothing bootstrapped");
    assert_eq!(data(&mut card, &BOOTSTRAP), hex!("db 08 a54211d5e3ba50bf"));
    assert_eq!(data(&mut card, &hex!("00 b0 00 00 14")), [&[0x10][..], &RAND, &[0, 0, 0xff]].concat());
}

#[test]
fn naf_keys_are_the_known_answers_and_the_internal_one_stays_inside() {
    let mut card = bootstrapped(personalisation());
    assert_eq!(data(&mut card, &derive(&NAF_ID)), [&hex!("db 20")[..], &KS_EXT].concat());
    assert_eq!(card.danger_ks_int_naf(Application::Usim, &NAF_ID).unwrap().danger_expose(), &KS_INT);
    assert_eq!(card.danger_ks_int_naf(Application::Isim, &NAF_ID), None);
    let entry = [&hex!("80 16")[..], &NAF_ID, &hex!("81 3e"), B_TID].concat();
    let record = gbanl(&mut card, 1);
    assert_eq!(record[..entry.len()], entry);
    assert!(record[entry.len()..].iter().all(|octet| *octet == 0xff));
    assert_eq!(gbanl(&mut card, 2), [0xff; 250]);
}

#[test]
fn the_two_autn_are_not_taken_for_one_another() {
    let mut card = card();
    select_application(&mut card, &USIM);
    let plain =
        hex!("00 88 00 84 23 dd 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b94a9ffac354dfafb3");
    assert_eq!(sw(&mut card, &plain), 0x9862);
    let star_as_3g =
        hex!("00 88 00 81 22 10 23553cbe9637a89d218ae64dae47bf35 10 55f328b43577b9b98c7f3f0d723fb244");
    assert_eq!(sw(&mut card, &star_as_3g), 0x9862);
}

#[test]
fn no_key_without_ks_and_none_without_b_tid() {
    let mut card = card();
    select_application(&mut card, &USIM);
    assert_eq!(sw(&mut card, &derive(&NAF_ID)), 0x6985);
    data(&mut card, &BOOTSTRAP);
    assert_eq!(sw(&mut card, &derive(&NAF_ID)), 0x6985, "B-TID not stored yet");
    store_b_tid(&mut card, [0x6f, 0xd6], B_TID);
    assert_eq!(data(&mut card, &derive(&NAF_ID)).len(), 34);
}

#[test]
fn a_3g_authentication_leaves_ks_alone() {
    let mut card = bootstrapped(personalisation());
    let next = vector_for((0xff9b_b4d0_b607 >> 5 << 5) + 32 + 7, [9; 16]);
    assert_eq!(data(&mut card, &authenticate_3g(&next))[0], 0xdb);
    assert_eq!(data(&mut card, &derive(&NAF_ID))[2..], KS_EXT);
}

#[test]
fn a_stale_bootstrap_gives_auts_and_leaves_ks_alone() {
    let mut card = bootstrapped(personalisation());
    assert_eq!(data(&mut card, &BOOTSTRAP), hex!("dc 0e ba853f3c123ccf44e93596e355c6"));
    assert_eq!(data(&mut card, &derive(&NAF_ID))[2..], KS_EXT);
}

#[test]
fn a_second_bootstrap_replaces_ks_rand_and_b_tid() {
    let mut card = bootstrapped(personalisation());
    data(&mut card, &derive(&NAF_ID));
    let next = vector_for((0xff9b_b4d0_b607 >> 5 << 5) + 32 + 7, [9; 16]);
    let star = ksnaf_proto::gba::autn_star(next.autn, &next.ik);
    let command = [&hex!("00 88 00 84 23 dd 10")[..], &[9; 16], &[0x10], &star.0].concat();
    assert_eq!(data(&mut card, &command)[0], 0xdb);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fd6")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b0 00 10 04")), hex!("09 00 00 ff"), "B-TID and lifetime are empty");
    assert_eq!(sw(&mut card, &derive(&NAF_ID)), 0x6985);
    assert_eq!(
        card.danger_ks_int_naf(Application::Usim, &NAF_ID).unwrap().danger_expose(),
        &KS_INT,
        "a key that was derived stays until its record is needed"
    );
    store_b_tid(&mut card, [0x6f, 0xd6], b"b@bsf.example");
    assert_ne!(data(&mut card, &derive(&NAF_ID))[2..], KS_EXT);
}

#[test]
fn a_terminal_that_writes_another_rand_does_not_change_the_keys() {
    let mut card = bootstrapped(personalisation());
    let whole = [&[0x10][..], &[0xee; 16], &[13], b"b@bsf.example", &[0]].concat();
    let lc = u8::try_from(whole.len()).unwrap();
    assert_eq!(sw(&mut card, &[&[0x00, 0xd6, 0x00, 0x00, lc][..], &whole].concat()), 0x9000);
    assert_eq!(data(&mut card, &derive(&NAF_ID))[2..], KS_EXT);
    assert!(gbanl(&mut card, 1)[24..].starts_with(b"\x81\x0db@bsf.example"));
}

#[test]
fn a_derivation_for_the_bsf_itself_gives_what_a_tmpi_is_made_of() {
    let mut card = bootstrapped(personalisation());
    let bsf_id = [&b"bsf.mnc001.mcc001.pub.3gppnetwork.org"[..], &[1, 0, 0, 1, 0]].concat();
    // NdfNQvvGWK4SGbs7c17alrZHQXyhEcrW, which is base64 of the first 24 octets.
    assert_eq!(
        data(&mut card, &derive(&bsf_id))[2..26],
        hex!("35d7cd42fbc658ae1219bb3b735eda96b647417ca111cad6")
    );
}

#[test]
fn ks_survives_a_reset() {
    let mut card = bootstrapped(personalisation());
    card.reset();
    select_application(&mut card, &USIM);
    assert_eq!(data(&mut card, &derive(&NAF_ID))[2..], KS_EXT);
}

#[test]
fn the_least_recently_used_entry_makes_room() {
    let mut card = bootstrapped(Personalisation { naf_key_entries: 3, ..personalisation() });
    for n in [1, 2, 3, 1] {
        data(&mut card, &derive(&naf(n)));
    }
    // Used last: 1, 3, 2. The fourth takes the record of 2.
    data(&mut card, &derive(&naf(4)));
    assert_eq!(card.danger_ks_int_naf(Application::Usim, &naf(2)), None);
    let mut holds = |record, n| gbanl(&mut card, record)[2..].starts_with(&naf(n));
    assert!(holds(1, 1) && holds(2, 4) && holds(3, 3));
    data(&mut card, &derive(&naf(5)));
    let mut holds = |record, n| gbanl(&mut card, record)[2..].starts_with(&naf(n));
    assert!(holds(1, 1) && holds(2, 4) && holds(3, 5));
}

#[test]
fn a_name_too_long_for_a_record_finds_no_memory() {
    let mut card = bootstrapped(personalisation());
    let long = [&[b'a'; 190][..], &[1, 0, 0, 0, 2]].concat();
    assert_eq!(sw(&mut card, &derive(&long)), 0x9866);
}

#[test]
fn the_isim_bootstraps_for_itself() {
    let mut card = bootstrapped(personalisation());
    select_application(&mut card, &ISIM);
    assert_eq!(sw(&mut card, &derive(&NAF_ID)), 0x6985, "the USIM's Ks is not the ISIM's");
    let next = vector_for((0xff9b_b4d0_b607 >> 5 << 5) + 32 + 7, [9; 16]);
    let star = ksnaf_proto::gba::autn_star(next.autn, &next.ik);
    let command = [&hex!("00 88 00 84 23 dd 10")[..], &[9; 16], &[0x10], &star.0].concat();
    assert_eq!(data(&mut card, &command)[0], 0xdb);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fd5")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b0 00 00 11")), [&[0x10][..], &[9; 16]].concat());
    store_b_tid(&mut card, [0x6f, 0xd5], b"CQkJ@bsf.example");
    assert_eq!(data(&mut card, &derive(&NAF_ID)).len(), 34);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6fd7")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b2 01 04 fa"))[2..24], NAF_ID);
    select_application(&mut card, &USIM);
    assert_eq!(data(&mut card, &derive(&NAF_ID))[2..], KS_EXT);
}

#[test]
fn the_service_tables_decide() {
    let mut card = SimCard::new(Personalisation { gba_u: false, ..personalisation() }).unwrap();
    for (aid, file) in [(USIM, [0x6f, 0xd6]), (ISIM, [0x6f, 0xd5])] {
        select_application(&mut card, &aid);
        assert_eq!(sw(&mut card, &BOOTSTRAP), 0x9864);
        assert_eq!(sw(&mut card, &[&hex!("00 a4 00 0c 02")[..], &file].concat()), 0x6a82);
    }
    // The issuer switches service 68 off in EF_UST.
    let mut card = bootstrapped(personalisation());
    assert_eq!(sw(&mut card, &hex!("00 20 00 0a 08 3838383838383838")), 0x9000);
    assert_eq!(sw(&mut card, &hex!("00 a4 00 0c 02 6f38")), 0x9000);
    assert_eq!(data(&mut card, &hex!("00 b0 00 08 01")), hex!("08"));
    assert_eq!(sw(&mut card, &hex!("00 d6 00 08 01 00")), 0x9000);
    assert_eq!(sw(&mut card, &derive(&NAF_ID)), 0x9864);
}

#[test]
fn malformed_gba_data_is_refused() {
    let mut card = bootstrapped(personalisation());
    assert_eq!(sw(&mut card, &hex!("00 88 00 84")), 0x6700);
    assert_eq!(sw(&mut card, &hex!("00 88 00 84 01 df")), 0x6a80);
    let whole = derive(&NAF_ID);
    for length in 1..whole.len() - 5 {
        let cut = [&[0x00, 0x88, 0x00, 0x84, length as u8][..], &whole[5..5 + length]].concat();
        assert_eq!(sw(&mut card, &cut), 0x6700, "{length}");
    }
    for length in 1..35 {
        let cut = [&[0x00, 0x88, 0x00, 0x84, length as u8][..], &BOOTSTRAP[5..5 + length]].concat();
        assert_eq!(sw(&mut card, &cut), 0x6700, "{length}");
    }
    assert_eq!(sw(&mut card, &derive(&[1, 0, 0, 0, 2])), 0x6a80, "no host name");
    assert_eq!(sw(&mut card, &hex!("00 88 00 84 09 de 06 610100000002 00")), 0x6a80, "no identity");
    assert_eq!(sw(&mut card, &hex!("00 88 00 84 0a de 06 610100000002 01 ff")), 0x6a80, "not text");
}
