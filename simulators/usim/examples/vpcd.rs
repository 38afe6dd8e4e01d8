//! Plugs a lab card into a running vpcd driver, until the input ends or a line is read.
//!
//! ```text
//! cargo run -p ksnaf-sim-usim --example vpcd -- HOST:PORT [t1] [pin] [FAULTS] [CARD-FILE.json]
//! ```
//!
//! The card has K and OPc of TS 35.208 test set 1 and takes any sequence number that grows, so that the published
//! values can be tried on it. With a file name it is kept there, else it forgets.

use ksnaf_proto::aka::AkaKey;
use ksnaf_proto::hex;
use ksnaf_proto::secret::Secret;
use ksnaf_sim_usim::{Faults, Personalisation, Protocol, SimCard, SqnRules, vpcd};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("usage: vpcd HOST:PORT [t1] [pin] [FAULTS] [CARD-FILE.json]")?;
    let (mut protocol, mut pin1_enabled, mut faults, mut file) =
        (Protocol::T0, false, Faults::default(), None);
    for argument in arguments {
        match argument.as_str() {
            "t1" => protocol = Protocol::T1,
            "pin" => pin1_enabled = true,
            path if path.ends_with(".json") => file = Some(path.to_owned()),
            list => faults.add(list)?,
        }
    }

    let octets = |text: &str| hex::decode_array(text).map(Secret::new).ok_or("not a key");
    let key = AkaKey::Milenage {
        k: octets("465b5ce8b199b49faa5f0a2ee238a6bc")?,
        opc: octets("cd63cb71954a9f4e48a5994e37a02baf")?,
    };
    let sqn = SqnRules { delta: None, ..SqnRules::default() };
    let personalisation = Personalisation { sqn, pin1_enabled, ..Personalisation::lab(key) };
    let card = match file.as_deref().map(Path::new) {
        Some(path) if path.exists() => SimCard::open(path)?,
        Some(path) => SimCard::create(path, personalisation)?,
        None => SimCard::new(personalisation)?,
    };
    let mut card = card.with_protocol(protocol).with_faults(faults);

    let shutdown = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&shutdown);
    std::thread::spawn(move || {
        // A line, the end of the input or an error: each is a wish to stop.
        let _ = std::io::stdin().read_line(&mut String::new());
        flag.store(true, Ordering::Relaxed);
    });
    vpcd::run(address, &mut card, &shutdown)?;
    Ok(())
}
