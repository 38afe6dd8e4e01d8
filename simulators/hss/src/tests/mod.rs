//! The HSS over loopback, as a BSF sees it.

mod diameter;
mod sbi;

use crate::{Faults, Hss, Listeners, Setup};
use ksnaf_proto::aka::sqn::{Freshness, SqnArray, SqnFormat, SqnPolicy};
use ksnaf_proto::aka::{AuthVector, AutnError, Auts, Sqn, vector};
use ksnaf_proto::diameter::{DiameterIdentity, Origin};
use ksnaf_proto::identity::Impi;
use ksnaf_proto::subscriber::Subscriber;
use ksnaf_proto::subscriber::file::{self, Format};
use tokio::net::TcpListener;

/// The lab subscriber with MILENAGE and settings of its own, and another with TUAK.
const FILE: &str = "\
imsi,k,opc,algorithm,topc,uicc,key_lifetime,msisdn,impu,guss
001010123456789,465b5ce8b199b49faa5f0a2ee238a6bc,cd63cb71954a9f4e48a5994e37a02baf,,,GBA_U,2h,49301234567,sip:lab@ims.example,<guss><ussList><uss id='7' type='0'/></ussList></guss>
001010123456780,5122250214c33e723a5dd523fc145fc0,,tuak,4ab9d6a2a2c5a2c0a4e5e0e0ab0d3b2b7c5c4ee0a0b1c2d3e4f5061728394a5b,,,,,
";

fn subscribers() -> Vec<Subscriber> {
    file::parse(FILE.as_bytes(), Format::Csv).unwrap()
}

fn origin(host: &str) -> Origin {
    let identity = |name| DiameterIdentity::parse(name).unwrap();
    Origin { host: identity(host), realm: identity("lab.example") }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// With both interfaces and these faults.
async fn start(faults: &str) -> Hss {
    let faults: Faults = faults.parse().unwrap();
    let listeners = Listeners { diameter: Some(listener().await), sbi: Some(listener().await) };
    let origin = origin("hss.lab.example");
    Hss::start(Setup { faults, cx: true, ..Setup::new(subscribers(), origin) }, listeners).await.unwrap()
}

/// A card's half: verifies a vector with the keys of the file, and counts as a card does.
struct Card {
    subscriber: Subscriber,
    numbers: SqnArray,
}

impl Card {
    fn of(subscriber: Subscriber) -> Self {
        Self { subscriber, numbers: SqnArray::new(SqnPolicy::default()) }
    }

    fn lab() -> Self {
        Self::of(subscribers().remove(0))
    }

    fn other() -> Self {
        Self::of(subscribers().remove(1))
    }

    /// Takes a challenge: nothing more to say, or AUTS where its number is not fresh.
    fn authenticate(&mut self, vector: &AuthVector) -> Option<Auts> {
        let algorithm = self.subscriber.key.as_ref().unwrap().algorithm().unwrap();
        let numbers = &mut self.numbers;
        match vector::verify(algorithm.as_ref(), &vector.rand, &vector.autn, |sqn| numbers.accept(sqn)) {
            Ok(verified) => {
                assert_eq!(
                    (&verified.res, &verified.ck, &verified.ik),
                    (&vector.xres, &vector.ck, &vector.ik)
                );
                None
            }
            Err(AutnError::SyncFailure(auts)) => Some(auts),
            Err(AutnError::MacFailure) => panic!("the vector is another subscriber's"),
        }
    }

    /// Moves its numbers so far ahead that the HSS must resynchronise.
    fn run_ahead(&mut self) -> Sqn {
        let ahead = SqnFormat::default().join(1 << 20, 31).unwrap();
        assert_eq!(self.numbers.accept(ahead), Freshness::Accepted);
        ahead
    }

    fn impi(&self) -> Impi {
        self.subscriber.impi.clone()
    }
}
