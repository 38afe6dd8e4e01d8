use super::*;
use crate::hex;
use crate::uicc::card::{Card, CardError};
use crate::uicc::script::{Lookup, Script, over_t_0};
use crate::uicc::session::Unlock;
use std::net::Ipv4Addr;

/// A card whose USIM hosts one subscription, with every service. File control parameters as cards in the field have them,
/// contents by annex D.
const USIM: &str = "01a4040407a0000000871002 00";
const FCP_DF: &str = "6208 82027821 83025f61 9000";
const CARD: &[(&str, &str)] = &[
    ("0070000001", "01 9000"),
    ("01a40004023f0000", "620b 82027821 83023f00 8a0105 9000"),
    ("01a40004022f0000", "620b 82054221001801 83022f00 9000"),
    ("01b2010418", "6116 4f07a0000000871002 730b a209 8007 5f61 6162636465 9000"),
    (USIM, "6208 82027821 83027fff 9000"),
    ("01a40004025f6100", FCP_DF),
    ("01a40004026f0a00", "6208 82024121 80020001 9000"),
    ("01b0000001", "ff 9000"),
    ("01a40004026f0200", "6208 82024121 80020009 9000"),
    ("01b0000009", "8005 6162636465 ffff 9000"),
    ("01a40004026f0300", "6208 82024121 8002000e 9000"),
    ("01b000000e", "800c2f2f73702e6578616d706c65 9000"),
    ("01a40004026f0400", "6208 82024121 80020008 9000"),
    ("01b0000008", "80066e6f64652d31 9000"),
    ("01a40004026f0500", "6208 82024121 80020007 9000"),
    ("01b0000007", "80042f6d6e37 ff 9000"),
    ("01a40004026f0600", "6207 82054221000602 9000"),
    ("01b2010406", "0443676261 ff 9000"),
    ("01b2020406", "00ffffffffff 9000"),
    ("01a40004026f0700", "6207 82054221000f03 9000"),
    ("01b201040f", "0303aabb ffffffffffffffffffffff 9000"),
    ("01b202040f", "0501c0000201 ffffffffffffffffff 9000"),
    ("01b203040f", "0c006d65662e6578616d706c65 ffff 9000"),
    ("01a40004026f0800", "6207 82054221000702 9000"),
    ("01b2010407", "062f69642d696e 9000"),
    ("01b2020407", "062f69642d6932 9000"),
    ("01a40004026f0900", "6208 82024121 8002000e 9000"),
    ("01b000000e", "800b6d61662e6578616d706c65ff 9000"),
    ("00708001", "9000"),
];

fn read(card: &mut dyn Card) -> Result<M2mSubscriptions, UiccError> {
    let mut uicc = Uicc::open(card, Unlock::default())?;
    let applications = uicc.applications()?;
    uicc.m2m_subscriptions(&applications)
}

/// The card with other answers to some commands.
fn with(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    CARD.iter()
        .map(|(ask, answer)| {
            let changed = changes.iter().find(|(other, _)| other == ask);
            changed.copied().unwrap_or((ask, answer))
        })
        .collect()
}

fn of(changes: &[(&'static str, &'static str)]) -> M2mSubscriptions {
    read(&mut Lookup::new(&with(changes))).unwrap()
}

fn assert_whole(found: &M2mSubscriptions) {
    let [subscription] = &found.list[..] else { panic!("{found:?}") };
    let text = |id: &Option<M2mId>| id.as_ref().map(|id| id.as_str().to_owned()).unwrap();
    assert_eq!(subscription.df, FileId(0x5f61));
    assert_eq!(subscription.host.kind(), ApplicationKind::Usim);
    assert!(subscription.services.services().eq(1..=8));
    assert_eq!(text(&subscription.subscription_id), "abcde");
    assert_eq!(text(&subscription.provider_id), "//sp.example");
    assert_eq!(text(&subscription.node_id), "node-1");
    assert_eq!(text(&subscription.cse_id), "/mn7");
    assert_eq!(subscription.ae_ids.iter().map(M2mIdRecord::as_str).collect::<Vec<_>>(), ["Cgba"]);
    assert_eq!(
        subscription.in_cse_ids.iter().map(M2mIdRecord::as_str).collect::<Vec<_>>(),
        ["/id-in", "/id-i2"]
    );
    assert_eq!(subscription.maf.as_ref().map(Fqdn::as_str), Some("maf.example"));
    assert_eq!(subscription.mefs.len(), 3);
    assert_eq!(subscription.usable_mefs().next(), Some(&MefAddress::V4(Ipv4Addr::new(192, 0, 2, 1))));
}

#[test]
fn a_subscription_is_found_by_ef_dir_and_read_by_its_service_table() {
    let steps = with(&[]);
    let mut card = Script::new(&steps);
    let found = read(&mut card).unwrap();
    assert_whole(&found);
    assert_eq!(found.problems, []);
    let slow = over_t_0(&steps);
    let slow: Vec<(&str, &str)> = slow.iter().map(|(ask, answer)| (&**ask, &**answer)).collect();
    assert_whole(&read(&mut Lookup::new(&slow)).unwrap());
}

#[test]
fn files_without_their_service_are_not_read() {
    for (table, count) in [("52 9000", 1), ("00 9000", 0)] {
        let found = of(&[("01b0000001", table)]);
        let [subscription] = &found.list[..] else { panic!("{found:?}") };
        assert!(
            subscription.maf.is_none() && subscription.cse_id.is_none() && subscription.node_id.is_none()
        );
        assert!(subscription.ae_ids.is_empty());
        assert_eq!(subscription.in_cse_ids.len(), 2 * count);
        assert_eq!(subscription.mefs.len(), 3 * count);
        assert_eq!(subscription.services.gba_provisioning(), count == 1);
    }
    let none = of(&[("01a40004026f0a00", "6a82")]);
    assert_eq!(none.list[0].services, M2mServiceTable::default());
    assert!(none.list[0].provider_id.is_some() && none.list[0].maf.is_none());
    assert_eq!(none.problems, []);
}

#[test]
fn a_card_without_subscriptions_has_none() {
    for record in [
        "6109 4f07a0000000871002 9000",
        "6119 4f07a0000000871002 730e a00c 800117 81025f60 8203454150 9000",
        "610d 4f07a0000000871002 7302 a200 9000",
        "6116 4f07a0000000871099 730b a209 8007 5f61 6162636465 9000",
    ] {
        let found = of(&[("01b2010418", record)]);
        assert_eq!(found, M2mSubscriptions::default(), "{record}");
    }
}

#[test]
fn a_wrong_entry_or_file_is_a_problem_and_hides_nothing_else() {
    let cut = of(&[("01b2010418", "6110 4f07a0000000871002 7305 a203 8001 5f 9000")]);
    assert!(matches!(cut.problems[..], [UiccError::Content { file: EF_DIR, .. }]) && cut.list.is_empty());
    let no_df = of(&[("01a40004025f6100", "6a82")]);
    assert!(matches!(no_df.problems[..], [UiccError::File(_)]) && no_df.list.is_empty());
    let wrong = of(&[
        ("01b203040f", "0c002d65662e6578616d706c65 ffff 9000"),
        ("01b0000007", "80042f20 6e37 ff 9000"),
    ]);
    assert_eq!(wrong.problems.len(), 2, "{wrong:?}");
    assert_eq!((wrong.list[0].mefs.len(), &wrong.list[0].cse_id), (2, &None));
    assert_eq!(wrong.list[0].maf.as_ref().map(Fqdn::as_str), Some("maf.example"));
    let refused = of(&[("01a40004026f0800", "6982")]);
    assert!(matches!(refused.problems[..], [UiccError::PinNeeded { .. }]), "{:?}", refused.problems);
    assert!(refused.list[0].in_cse_ids.is_empty() && refused.list[0].maf.is_some());
}

#[test]
fn every_answer_may_be_cut_anywhere() {
    let mut cards = 0;
    for mut card in Lookup::all_with_an_answer_cut(CARD).chain(Lookup::all_with_data_cut(CARD)) {
        cards += 1;
        if let Ok(found) = read(&mut card) {
            assert!(found.list.len() <= 1);
            for target in found.list.iter().flat_map(crate::onem2m::enrolment_targets) {
                let _ = target.map_err(|unnamed| unnamed.to_string());
            }
        }
    }
    assert!(cards > 500, "{cards}");
}

#[test]
fn a_card_that_lists_subscriptions_without_end_is_left_in_time() {
    /// EF_DIR of 254 records with eleven subscriptions each; every file of records has 254 of them, all of them right.
    struct Endless {
        directory: String,
        selected: [u8; 2],
        asked: usize,
    }
    impl Card for Endless {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
            self.asked += 1;
            let text = match command {
                [_, 0x70, ..] => "01 9000",
                [_, 0xa4, 0, _, 2, high, low, ..] => {
                    self.selected = [*high, *low];
                    match self.selected {
                        [0x3f | 0x5f, _] => "6204 82027821 9000",
                        [0x2f, _] => "6207 820542210050fe 9000",
                        [_, 0x06..=0x08] => "6207 820542210003fe 9000",
                        _ => "6208 82024121 80020003 9000",
                    }
                }
                [_, 0xa4, 4, ..] => "6204 82027821 9000",
                [_, 0xb2, ..] if self.selected == [0x2f, 0] => &self.directory,
                [_, 0xb2, ..] => "02 2f61 9000",
                [_, 0xb0, ..] if self.selected == [0x6f, 0x0a] => "ff0000 9000",
                [_, 0xb0, ..] => "8001 61 9000",
                _ => "6d00",
            };
            Ok(hex::decode(&text.replace(' ', "")).unwrap())
        }
    }
    let frameworks = "80025f61".repeat(11);
    let directory = format!("6139 4f07a0000000871002 732e a22c {frameworks} 9000");
    let mut card = Endless { directory, selected: [0; 2], asked: 0 };
    let found = read(&mut card).unwrap();
    assert_eq!(found.list.len(), MOST);
    assert_eq!(found.list[0].in_cse_ids.len(), 254);
    assert!(card.asked < 10_000, "{}", card.asked);
}

#[test]
fn the_directory_of_a_subscription_does_not_stay_selected() {
    let usim_files: &[(&str, &str)] = &[
        (USIM, "6208 82027821 83027fff 9000"),
        ("01a40004026f0700", "6208 82024121 80020009 9000"),
        ("01b0000009", "080910100000001020 9000"),
        ("00708001", "9000"),
    ];
    let steps = [&CARD[..CARD.len() - 1], usim_files].concat();
    let mut card = Script::new(&steps);
    let mut uicc = Uicc::open(&mut card, Unlock::default()).unwrap();
    let applications = uicc.applications().unwrap();
    assert_eq!(uicc.m2m_subscriptions(&applications).unwrap().list.len(), 1);
    uicc.select_application(&applications[0].aid).unwrap();
    let imsi: Option<crate::identity::Imsi> = uicc.read(crate::uicc::file::known::usim::EF_IMSI).unwrap();
    assert_eq!(imsi.unwrap().as_str(), "001010000000102");
}
