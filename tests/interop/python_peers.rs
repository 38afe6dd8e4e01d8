//! HSS, UE and NAFs of `tests/python`, with a lab to talk to.

use crate::lab::{Lab, NAF};
use crate::pcscd::until;
use crate::python::{Serving, told};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// Origin-Host and Origin-Realm of the service, which follow from the lab's BSF.
pub(crate) const BSF: &str = "bsf.mnc001.mcc001.pub.3gppnetwork.org";
pub(crate) const BSF_REALM: &str = "mnc001.mcc001.pub.3gppnetwork.org";
/// Of the HSS.
pub(crate) const REALM: &str = "ims.mnc001.mcc001.3gppnetwork.org";
/// The lab's card.
pub(crate) const CARD: &str = "001010123456789";
/// Of TS 35.208 test set 1, which every subscriber here has.
const K: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
const OPC: &str = "cd63cb71954a9f4e48a5994e37a02baf";

/// `hss.py` with subscribers of test set 1's key.
pub(crate) struct Hss {
    pub(crate) process: Serving,
    pub(crate) address: String,
}

impl Hss {
    pub(crate) fn start(lab: &Lab, subscribers: &[(&str, &str)], listen: &str, options: &[&str]) -> Self {
        Self::start_of(lab, "diameter", subscribers, listen, options)
    }

    pub(crate) fn start_of(
        lab: &Lab,
        source: &str,
        subscribers: &[(&str, &str)],
        listen: &str,
        options: &[&str],
    ) -> Self {
        let lines = subscribers.iter().map(|(imsi, uicc)| format!("{imsi},{K},{OPC},{uicc}\n"));
        let csv = lab.file("hss.csv", &format!("imsi,k,opc,uicc\n{}", lines.collect::<String>()));
        let application = if source == "cx" { "cx" } else { "zh" };
        let fixed = [
            "--application",
            application,
            "--realm",
            REALM,
            "--listen",
            listen,
            "--peer",
            BSF,
            "--subscribers",
        ];
        let mut arguments = fixed.map(str::to_owned).to_vec();
        arguments.push(csv.display().to_string());
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        let mut process = Serving::start("hss.py", &arguments);
        let address = process.until("it listens", |told| Some(told.first()?["listen"].as_str()?.to_owned()));
        Self { process, address }
    }

    /// Starts a lab that asks it.
    pub(crate) fn serve(&self, lab: &mut Lab, source: &str, settings: &[&str]) {
        let own =
            [format!("zh.source={source}"), format!("zh.peer={}", self.address), format!("zh.realm={REALM}")];
        let own: Vec<_> = own.iter().map(String::as_str).chain(settings.iter().copied()).collect();
        lab.start(&own);
    }

    /// What it was asked, once there is so much.
    pub(crate) fn asked(&mut self, count: usize) -> Vec<Value> {
        let asked = |told: &[Value]| -> Vec<Value> {
            told.iter().filter(|line| line["result"] != Value::Null).cloned().collect()
        };
        self.process.until("it is asked", |told| Some(asked(told)).filter(|asked| asked.len() >= count))
    }

    /// Ends it with a Disconnect-Peer; where it listened.
    pub(crate) fn end(mut self) -> String {
        self.process.running().signal(Signal::TERM);
        let status = self.process.running().wait(Duration::from_secs(20));
        assert!(status.success(), "{}", self.process.running().log());
        self.address
    }

    /// Ends the lab, and sees that it takes its leave.
    pub(crate) fn is_left(&mut self, lab: &mut Lab) {
        assert!(lab.stop().0.success());
        until("the service takes its leave", || self.process.told().iter().any(|line| line["left"] == BSF));
    }
}

pub(crate) fn ue_arguments(lab: &Lab, imsi: &str, uicc: &str) -> Vec<String> {
    let bsf = format!("http://{}", lab.address("ub"));
    let arguments = ["ue_cli.py", "--json", "--k", K, "--opc", OPC, "--imsi", imsi, "--bsf", &bsf];
    let gba_u = (uicc == "GBA_U").then_some("--gba-u");
    arguments.into_iter().chain(gba_u).map(str::to_owned).collect()
}

/// Two bootstraps of a UE in Python: its exit status, and the statuses that the BSF answered.
pub(crate) fn ue(lab: &Lab, imsi: &str, uicc: &str) -> (i32, Value) {
    let arguments = ue_arguments(lab, imsi, uicc);
    let arguments: Vec<_> = arguments.iter().skip(1).map(String::as_str).collect();
    let (status, report) = told("ue_cli.py", &arguments);
    (status, report["statuses"].clone())
}

/// The report of a UE in Python that bootstrapped, with the key that it computed for the NAF.
pub(crate) fn bootstrapped(lab: &Lab, imsi: &str, uicc: &str) -> Value {
    let arguments = ue_arguments(lab, imsi, uicc);
    let arguments: Vec<_> = arguments.iter().skip(1).map(String::as_str).chain(["--naf", NAF]).collect();
    let (status, report) = told("ue_cli.py", &arguments);
    assert_eq!(status, 0, "{report}");
    report
}

/// One question over Diameter: the exit status of `naf.py`, and its report.
pub(crate) fn naf(lab: &Lab, options: &[&str]) -> (i32, Value) {
    let to = ["--bsf", lab.address("zn_diameter"), "--bsf-host", BSF, "--bsf-realm", BSF_REALM, "--naf", NAF];
    told("naf.py", &[&to, options].concat())
}

/// One question over HTTP.
pub(crate) fn nbsp(lab: &Lab, options: &[&str]) -> (i32, Value) {
    let bsf = format!("http://{}", lab.address("zn_sbi"));
    told("nbsp.py", &[&["--bsf", &bsf, "--token", lab.token(), "--naf", NAF], options].concat())
}

/// Hex in the case that the device writes.
pub(crate) fn lower(value: &Value) -> Value {
    value.as_str().map_or(Value::Null, |text| json!(text.to_ascii_lowercase()))
}
