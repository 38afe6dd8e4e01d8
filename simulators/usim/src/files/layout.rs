//! Which files a card has, made from its personalisation (TS 102 221 clause 13, TS 31.102 and TS 31.103 clauses 4).

use super::content::{
    access_class, application_template, emergency_number, iccid, imsi, msisdn, padded, provider_name,
    service_table, sim_service_table, tagged,
};
use super::{Application, CURRENT_ADF, DirectoryId, FileId, Rule, Structure, Tree};
use crate::onem2m::{self, M2mPersonalisation, df_fid, discretionary, mef_record, text_record};
use crate::personalisation::{IsimPersonalisation, Personalisation};
use ksnaf_proto::identity::MncLength;

/// AID of the USIM application: RID of 3GPP, application code 1002, country and provider left open.
const USIM_AID: [u8; 16] =
    [0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xff, 0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x00, 0x01];
/// AID of the ISIM application: application code 1004.
const ISIM_AID: [u8; 16] =
    [0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x04, 0xff, 0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x00, 0x01];

/// EF_GBABP: three length octets, RAND, and room for a long B-TID and a lifetime. More than one command writes.
const GBABP_SIZE: usize = 280;
/// One entry of EF_GBANL: long enough for long names, short enough for one READ RECORD.
pub(crate) const GBANL_RECORD: u8 = 250;

/// EF_AC_GBAUAPI, in both applications.
const AC_GBAUAPI: u16 = 0x6f0a;

/// Services of the USIM that every card here has, by their number in EF_UST (TS 31.102 clause 4.2.8):
/// SMS parameters, service provider name, MSISDN, "shall be 1", enabled services table, EPS mobility.
const USIM_SERVICES: [u8; 6] = [12, 19, 21, 33, 34, 85];
/// GSM access (Kc) and GSM security context.
const GSM_SERVICES: [u8; 2] = [27, 38];
/// Generic Bootstrapping Architecture, in EF_UST.
const UST_GBA: u8 = 68;
/// P-CSCF address and P-CSCF discovery, in EF_IST (TS 31.103 clause 4.2.7).
const ISIM_SERVICES: [u8; 2] = [1, 5];
/// Generic Bootstrapping Architecture, in EF_IST.
const IST_GBA: u8 = 2;

/// How keys of files in each DF_1M2M begin.
const DF_1M2M_LABELS: [&str; onem2m::MOST] =
    ["1m2m-1", "1m2m-2", "1m2m-3", "1m2m-4", "1m2m-5", "1m2m-6", "1m2m-7", "1m2m-8"];

/// Lays the files of a card out.
pub(crate) fn lay_out(card: &Personalisation) -> Tree {
    let mut layout = Layout { tree: Tree::new() };
    layout.master_file(card);
    let usim = layout.usim(card);
    layout.telecom(&usim);
    layout.gsm(&usim);
    if let Some(isim) = &card.isim {
        layout.isim(card, isim);
    }
    for (at, subscription) in card.onem2m.iter().enumerate() {
        layout.onem2m(at, subscription);
    }
    layout.tree
}

struct Layout {
    tree: Tree,
}

/// The USIM's files that other directories show too.
struct Shared {
    imsi: FileId,
    ad: FileId,
    acc: FileId,
    spn: FileId,
    hpplmn: FileId,
    fplmn: FileId,
    loci: FileId,
    msisdn: FileId,
    smsp: FileId,
    kc: Option<FileId>,
}

impl Layout {
    fn transparent(
        &mut self,
        directory: DirectoryId,
        fid: u16,
        sfi: u8,
        rule: Rule,
        content: Vec<u8>,
    ) -> FileId {
        self.tree.add_file(directory, fid, short(sfi), rule, Structure::Transparent, content)
    }

    fn records(
        &mut self,
        directory: DirectoryId,
        (fid, sfi): (u16, u8),
        rule: Rule,
        length: u8,
        records: Vec<Vec<u8>>,
    ) -> FileId {
        let octets = records.into_iter().flat_map(|record| padded(record, usize::from(length))).collect();
        self.tree.add_file(directory, fid, short(sfi), rule, Structure::LinearFixed(length), octets)
    }

    fn access_rules(&mut self, directory: DirectoryId, fid: u16, sfi: u8) {
        let records = Rule::ALL.iter().map(|rule| rule.arr_record()).collect();
        self.records(directory, (fid, sfi), Rule::Public, 32, records);
    }

    fn master_file(&mut self, card: &Personalisation) {
        let mf = Tree::MF;
        let mut applications = vec![record_of_ef_dir(card, Application::Usim)];
        if card.isim.is_some() {
            applications.push(record_of_ef_dir(card, Application::Isim));
        }
        let longest = applications.iter().map(Vec::len).max().unwrap_or_default();
        let length = u8::try_from(longest).unwrap_or(u8::MAX).max(38);
        self.records(mf, (0x2f00, 0x1e), Rule::Public, length, applications);
        self.transparent(mf, 0x2fe2, 0x02, Rule::Fixed, iccid(card.iccid.as_str()));
        self.transparent(mf, 0x2f05, 0x05, Rule::Preference, b"en\xff\xff".to_vec());
        self.access_rules(mf, 0x2f06, 0x06);
    }

    fn usim(&mut self, card: &Personalisation) -> Shared {
        let usim = Some((Application::Usim, USIM_AID.to_vec()));
        let adf = self.tree.add_directory(Tree::MF, CURRENT_ADF, "usim", usim);
        let digits = card.imsi.as_str();
        let mut services = USIM_SERVICES.to_vec();
        if card.gsm_access {
            services.extend(GSM_SERVICES);
        }
        if card.gba_u {
            services.push(UST_GBA);
        }

        self.transparent(adf, 0x6f05, 0x02, Rule::Preference, b"en\xff\xff".to_vec());
        self.access_rules(adf, 0x6f06, 0x17);
        let imsi = self.transparent(adf, 0x6f07, 0x07, Rule::Issued, imsi(digits));
        // No key set identifier, no keys.
        self.transparent(adf, 0x6f08, 0x08, Rule::User, padded(vec![0x07], 33));
        self.transparent(adf, 0x6f09, 0x09, Rule::User, padded(vec![0x07], 33));
        let hpplmn = self.transparent(adf, 0x6f31, 0x12, Rule::Issued, vec![0x05]);
        self.transparent(adf, 0x6f38, 0x04, Rule::Issued, service_table(17, &services));
        let msisdn = self.records(adf, (0x6f40, 0), Rule::User, 24, vec![msisdn(card.msisdn.as_deref())]);
        let smsp = self.records(adf, (0x6f42, 0), Rule::User, 38, vec![Vec::new()]);
        let spn = self.transparent(adf, 0x6f46, 0, Rule::Public, provider_name(&card.provider));
        self.transparent(adf, 0x6f56, 0x05, Rule::Issued, vec![0x00]);
        self.transparent(adf, 0x6f5b, 0x0f, Rule::User, vec![0xf0, 0x00, 0x00, 0xf0, 0x00, 0x00]);
        self.transparent(adf, 0x6f5c, 0x10, Rule::Issued, vec![0xff; 3]);
        // Locations: nothing known, "not updated" (01).
        self.transparent(adf, 0x6f73, 0x0c, Rule::User, unknown_location(&[0xff; 7], &[0xff, 0x01]));
        let acc = self.transparent(adf, 0x6f78, 0x06, Rule::Issued, access_class(digits));
        let fplmn = self.transparent(adf, 0x6f7b, 0x0d, Rule::User, vec![0xff; 12]);
        let loci =
            self.transparent(adf, 0x6f7e, 0x0b, Rule::User, unknown_location(&[0xff; 4], &[0xff, 0x01]));
        let ad = self.transparent(adf, 0x6fad, 0x03, Rule::Public, administrative_data(card.mnc_length));
        let emergency = vec![emergency_number("112"), emergency_number("911")];
        self.records(adf, (0x6fb7, 0x01), Rule::Public, 4, emergency);
        self.transparent(adf, 0x6fc4, 0, Rule::User, vec![0xff; 46]);
        if card.gba_u {
            self.bootstrapping(card, adf, 0x6fd6, 0x6fda);
        }
        self.transparent(adf, 0x6fe3, 0x1e, Rule::User, unknown_location(&[0xff; 12], &[0x01]));
        self.records(adf, (0x6fe4, 0x18), Rule::User, 54, vec![Vec::new()]);
        let kc = card.gsm_access.then(|| {
            let access = self.tree.add_directory(adf, 0x5f3b, "usim/gsm-access", None);
            let kc = self.transparent(access, 0x4f20, 0x01, Rule::User, no_kc());
            self.transparent(access, 0x4f52, 0x02, Rule::User, no_kc());
            kc
        });
        Shared { imsi, ad, acc, spn, hpplmn, fplmn, loci, msisdn, smsp, kc }
    }

    fn telecom(&mut self, usim: &Shared) {
        let telecom = self.tree.add_directory(Tree::MF, 0x7f10, "telecom", None);
        self.tree.link(telecom, 0x6f40, usim.msisdn);
        self.tree.link(telecom, 0x6f42, usim.smsp);
    }

    /// What a terminal that knows SIMs only by TS 51.011's tree looks for.
    fn gsm(&mut self, usim: &Shared) {
        let gsm = self.tree.add_directory(Tree::MF, 0x7f20, "gsm", None);
        self.transparent(gsm, 0x6f05, 0, Rule::Preference, vec![0x01]);
        self.tree.link(gsm, 0x6f07, usim.imsi);
        if let Some(kc) = usim.kc {
            self.tree.link(gsm, 0x6f20, kc);
        }
        self.tree.link(gsm, 0x6f31, usim.hpplmn);
        // CHV1 can be disabled, MSISDN, SMS parameters, service provider name.
        self.transparent(gsm, 0x6f38, 0, Rule::Issued, sim_service_table(5, &[1, 9, 12, 17]));
        self.tree.link(gsm, 0x6f46, usim.spn);
        self.tree.link(gsm, 0x6f78, usim.acc);
        self.tree.link(gsm, 0x6f7b, usim.fplmn);
        self.tree.link(gsm, 0x6f7e, usim.loci);
        self.tree.link(gsm, 0x6fad, usim.ad);
        self.transparent(gsm, 0x6fae, 0, Rule::Public, vec![0x03]);
    }

    fn isim(&mut self, card: &Personalisation, isim: &IsimPersonalisation) {
        let application = Some((Application::Isim, ISIM_AID.to_vec()));
        let adf = self.tree.add_directory(Tree::MF, CURRENT_ADF, "isim", application);
        let mut services = ISIM_SERVICES.to_vec();
        if card.gba_u {
            services.push(IST_GBA);
        }

        self.transparent(adf, 0x6f02, 0x02, Rule::Issued, tagged(0x80, isim.impi.as_str().as_bytes()));
        self.transparent(adf, 0x6f03, 0x05, Rule::Issued, tagged(0x80, isim.domain.as_str().as_bytes()));
        let impus: Vec<_> = isim.impus.iter().map(|impu| tagged(0x80, impu.as_bytes())).collect();
        let longest = impus.iter().map(Vec::len).max().unwrap_or_default();
        let length = u8::try_from(longest).unwrap_or(u8::MAX).max(64);
        self.records(adf, (0x6f04, 0x04), Rule::Issued, length, impus);
        self.access_rules(adf, 0x6f06, 0x06);
        self.transparent(adf, 0x6f07, 0x07, Rule::Issued, service_table(3, &services));
        self.records(adf, (0x6f09, 0), Rule::Issued, 64, vec![Vec::new()]);
        self.transparent(adf, 0x6fad, 0x03, Rule::Public, administrative_data(card.mnc_length));
        if card.gba_u {
            self.bootstrapping(card, adf, 0x6fd5, 0x6fd7);
            // EF_NAFKCA: the address of no NAF key centre.
            self.records(adf, (0x6fdd, 0), Rule::Issued, 64, vec![Vec::new()]);
        }
    }

    /// DF_1M2M (TS-0003 annex D.1.3): everybody reads, the issuer writes.
    fn onem2m(&mut self, at: usize, subscription: &M2mPersonalisation) {
        let (Some(adf), Some(label)) = (self.tree.adf(subscription.host), DF_1M2M_LABELS.get(at)) else {
            return;
        };
        let df = self.tree.add_directory(adf, df_fid(at), label, None);
        let object = |text: &String| tagged(0x80, text.as_bytes());
        if let Some(table) = subscription.service_table() {
            self.transparent(df, 0x6f0a, 0x0a, Rule::Public, table);
        }
        self.transparent(df, 0x6f02, 0x02, Rule::Public, object(&subscription.subscription_id));
        self.transparent(df, 0x6f03, 0x03, Rule::Public, object(&subscription.provider_id));
        if let Some(node) = &subscription.node_id {
            self.transparent(df, 0x6f04, 0x04, Rule::Public, object(node));
        }
        if let Some(cse) = &subscription.cse_id {
            self.transparent(df, 0x6f05, 0x05, Rule::Public, object(cse));
        }
        self.m2m_records(df, (0x6f06, 0x06), &subscription.ae_ids, text_record);
        self.m2m_records(df, (0x6f07, 0), &subscription.mefs, mef_record);
        self.m2m_records(df, (0x6f08, 0), &subscription.in_cse_ids, text_record);
        if let Some(maf) = &subscription.maf_fqdn {
            self.transparent(df, 0x6f09, 0, Rule::Public, object(maf));
        }
    }

    /// A file of records with the texts, and one record more that nobody has written (annex E.1).
    fn m2m_records(
        &mut self,
        df: DirectoryId,
        file: (u16, u8),
        texts: &[String],
        record: fn(&str) -> Vec<u8>,
    ) {
        if texts.is_empty() {
            return;
        }
        let records: Vec<_> = texts.iter().map(|text| record(text)).chain([vec![0x00]]).take(254).collect();
        let longest = records.iter().map(Vec::len).max().unwrap_or_default();
        self.records(df, file, Rule::Public, u8::try_from(longest + 1).unwrap_or(u8::MAX), records);
    }

    /// EF_GBABP and EF_GBANL (TS 31.102 clauses 4.2.79 and 4.2.83).
    fn bootstrapping(&mut self, card: &Personalisation, adf: DirectoryId, gbabp: u16, gbanl: u16) {
        // Three empty fields: read as "nothing bootstrapped" by their lengths.
        self.transparent(adf, gbabp, 0, Rule::User, padded(vec![0; 3], GBABP_SIZE));
        let empty = vec![Vec::new(); usize::from(card.naf_key_entries)];
        self.records(adf, (gbanl, 0), Rule::Issued, GBANL_RECORD, empty);
        // Which applets may use the GBA_U API: none.
        self.records(adf, (AC_GBAUAPI, 0), Rule::Issued, 64, vec![Vec::new()]);
    }
}

/// The application template of an application, with the M2M service subscriptions that it hosts.
pub(crate) fn record_of_ef_dir(card: &Personalisation, application: Application) -> Vec<u8> {
    let subscriptions = discretionary(&card.onem2m, application);
    match application {
        Application::Usim => application_template(&USIM_AID, "USIM", &subscriptions),
        Application::Isim => application_template(&ISIM_AID, "ISIM", &subscriptions),
    }
}

/// 0 stands for "none" in the tables above.
const fn short(sfi: u8) -> Option<u8> {
    if sfi == 0 { None } else { Some(sfi) }
}

/// EF_AD: normal operation, and the length of the MNC (TS 31.102 clause 4.2.18).
fn administrative_data(mnc_length: MncLength) -> Vec<u8> {
    let length = match mnc_length {
        MncLength::Two => 2,
        MncLength::Three => 3,
    };
    vec![0x00, 0x00, 0x00, length]
}

/// A temporary identity, no PLMN, the reserved area code FFFE, and what ends the file.
fn unknown_location(identity: &[u8], end: &[u8]) -> Vec<u8> {
    [identity, &[0xff, 0xff, 0xff, 0xff, 0xfe], end].concat()
}

/// EF_Kc, EF_KcGPRS: no key, sequence number 7.
fn no_kc() -> Vec<u8> {
    [vec![0xff; 8], vec![0x07]].concat()
}
