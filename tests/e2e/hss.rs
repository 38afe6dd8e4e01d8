//! The other end of Zh: the simulated HSS on every interface that it has, and an HLR of the test's own.

use crate::hlr::Hlr;
use crate::lab::{Setup, any_port, seconds};
use crate::people::Person;
use ksnaf::config::{Config, ZhSource};
use ksnaf::store::Subscriber;
use ksnaf_proto::diameter::{DiameterIdentity, Origin};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::gba::guss::{BsfInfo, GsId, Guss, Namespace, Uss};
use ksnaf_sim_hss::{Faults, Hss, Listeners};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// The realm of the HSS.
const REALM: &str = "hss.example";

/// The lifetime that settings give a key.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);

/// The service in everybody's settings.
pub(crate) const SERVICE: GsId = GsId(1_000_007);

/// All sources on other machines.
pub(crate) const SOURCES: [ZhSource; 5] =
    [ZhSource::Diameter, ZhSource::Nhss, ZhSource::Nudm, ZhSource::Cx, ZhSource::Gsup];

/// As `zh.source` spells it.
pub(crate) fn name_of(source: ZhSource) -> &'static str {
    match source {
        ZhSource::BuiltIn => "built-in",
        ZhSource::Diameter => "diameter",
        ZhSource::Nhss => "nhss",
        ZhSource::Nudm => "nudm",
        ZhSource::Cx => "cx",
        ZhSource::Gsup => "gsup",
    }
}

/// A running HSS or HLR.
pub(crate) enum Network {
    Hss(Hss),
    Hlr(Hlr),
}

impl Network {
    /// One that knows these people and does that wrong.
    pub(crate) async fn start(source: ZhSource, people: &[Person], faults: Faults) -> Self {
        if source == ZhSource::Gsup {
            return Self::Hlr(Hlr::start(people).await);
        }
        let identity = |text| DiameterIdentity::parse(text).expect("a host name");
        let origin = Origin { host: identity("hss1.hss.example"), realm: identity(REALM) };
        let subscribers = people.iter().map(known).collect();
        let listener = async || TcpListener::bind(any_port()).await.expect("a port");
        let listeners = Listeners { diameter: Some(listener().await), sbi: Some(listener().await) };
        let setup =
            ksnaf_sim_hss::Setup { cx: true, faults, ..ksnaf_sim_hss::Setup::new(subscribers, origin) };
        Self::Hss(Hss::start(setup, listeners).await.expect("an HSS"))
    }

    /// Makes it the source.
    pub(crate) fn be_the_source(&self, source: ZhSource, config: &mut Config) {
        let zh = &mut config.zh;
        zh.source = source;
        match self {
            Self::Hlr(hlr) => zh.peer = hlr.address().to_string().parse().ok(),
            Self::Hss(hss) => {
                zh.realm = Some(REALM.to_owned());
                zh.peer = hss.addresses().diameter.and_then(|address| address.to_string().parse().ok());
                zh.base_url =
                    hss.addresses().sbi.and_then(|address| format!("http://{address}").parse().ok());
            }
        }
    }

    /// Where it is asked.
    pub(crate) fn address(&self, source: ZhSource) -> SocketAddr {
        let address = match self {
            Self::Hlr(hlr) => Some(hlr.address()),
            Self::Hss(hss) if matches!(source, ZhSource::Nhss | ZhSource::Nudm) => hss.addresses().sbi,
            Self::Hss(hss) => hss.addresses().diameter,
        };
        address.expect("an address")
    }

    pub(crate) async fn stop(self) {
        match self {
            Self::Hss(hss) => hss.stop().await,
            Self::Hlr(hlr) => hlr.stop().await,
        }
    }
}

/// A lab whose people the HSS knows, and the store as far as there are settings.
pub(crate) fn setup(source: ZhSource, network: &Network, person: &Person) -> Setup {
    let local: fn(&Person) -> Option<Subscriber> = match source {
        ZhSource::Diameter | ZhSource::Nhss => |_| None,
        _ => |person| Some(Subscriber { key: None, ..known(person) }),
    };
    Setup::of(person.clone()).local(local).config(|config| {
        network.be_the_source(source, config);
        // A busy machine is no late HSS.
        config.zh.timeout = seconds(15.0);
        config.ub.request_timeout = seconds(20.0);
    })
}

/// As the HSS knows a person: with settings.
pub(crate) fn known(person: &Person) -> Subscriber {
    Subscriber {
        guss: Some(guss(person).to_xml(Namespace::R9)),
        key_lifetime: Some(LIFETIME),
        ..person.subscriber()
    }
}

/// A person's settings.
pub(crate) fn guss(person: &Person) -> Guss {
    let uicc_type = Some(if person.gba_mode == GbaMode::U { GbaMode::U } else { GbaMode::Me });
    Guss {
        impi: Some(person.impi.clone()),
        bsf_info: BsfInfo { uicc_type, life_time: Some(LIFETIME), ..BsfInfo::default() },
        uss: vec![Uss { gs_id: SERVICE, uids: vec!["sip:lab".to_owned()], ..Uss::default() }],
    }
}
