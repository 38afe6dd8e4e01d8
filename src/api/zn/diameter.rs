//! BIR/BIA and GPR/GPA (TS 29.109 clauses 5 and 5.4): Zn and Zpn over Diameter.
//!
//! Who asks is whom the peer proves to be, or says it is where nothing is proved.

use super::{Face, Zn};
use ksnaf_diameter::{Asker, Service};
use ksnaf_proto::diameter::dictionary::base;
use ksnaf_proto::diameter::{Answer, ApplicationId, CommandCode, DiameterIdentity, Fault, Message, Origin};
use ksnaf_proto::gba::guss::Namespace;
use ksnaf_proto::zn::{self, NafQuery, Principal, ZnError};
use ksnaf_proto::zpn::{self, PushQuery};
use std::pin::Pin;
use std::sync::Arc;

/// What answers the requests of NAFs on a Diameter node.
pub struct ZnDiameter {
    zn: Arc<Zn>,
    origin: Origin,
    relays: Vec<DiameterIdentity>,
}

impl ZnDiameter {
    /// Answers as `origin`. `relays` are the peers that are believed about who is behind them.
    #[must_use]
    pub const fn new(zn: Arc<Zn>, origin: Origin, relays: Vec<DiameterIdentity>) -> Self {
        Self { zn, origin, relays }
    }

    async fn bootstrapping_info(&self, asker: &Asker, request: &Message) -> Message {
        let asked = NafQuery::parse(request)
            .and_then(|query| Ok((self.principals(asker, request)?, query)))
            .inspect_err(|error| tracing::info!(peer = %asker.peer, %error, "BIR that cannot be taken"));
        match asked {
            Err(error) => zn::diameter::fault(request, &self.origin, &error),
            Ok((caller, query)) => {
                let answer = self.zn.keys(Face::Diameter, &caller, query).await;
                zn::diameter::answer(request, &self.origin, &answer, Namespace::default())
            }
        }
    }

    async fn push_info(&self, asker: &Asker, request: &Message) -> Message {
        let asked = PushQuery::parse(request)
            .and_then(|query| Ok((self.principals(asker, request)?, query)))
            .inspect_err(|error| tracing::info!(peer = %asker.peer, %error, "GPR that cannot be taken"));
        match asked {
            Err(error) => zpn::diameter::fault(request, &self.origin, &error),
            Ok((caller, query)) => {
                let answer = self.zn.push(Face::Diameter, &caller, query).await;
                let answer = answer.inspect_err(|error| {
                    if *error == ZnError::NoPushInfo {
                        tracing::warn!(
                            "a NAF pushes, and zn.gpi_layout is not set or cannot say what it asks"
                        );
                    }
                });
                zpn::diameter::answer(request, &self.origin, &answer, Namespace::default())
            }
        }
    }

    /// Every name that the request's sender has. Nobody has any where a peer speaks for another and is no relay, or
    /// where its certificate has names and not this one; such a caller is refused as one without rights is.
    fn principals(&self, asker: &Asker, request: &Message) -> Result<Vec<Principal>, Fault> {
        let origin = request.avps.required(&base::ORIGIN_HOST)?.identity()?;
        let is_relayed = origin != asker.peer || request.avps.first(&base::ROUTE_RECORD).is_some();
        let names = &asker.certificate_names;
        let is_proved = |host: &DiameterIdentity| {
            names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(host.as_str()))
        };
        let host = Principal::host(origin.as_str());
        Ok(match is_relayed {
            true if self.relays.contains(&asker.peer) && is_proved(&asker.peer) => vec![host],
            false if is_proved(&origin) => {
                names.iter().map(|name| Principal::host(name)).chain([host]).collect()
            }
            _ => {
                tracing::warn!(peer = %asker.peer, %origin, "a peer speaks for a host that it is not known to be");
                Vec::new()
            }
        })
    }
}

impl Service for ZnDiameter {
    fn answer<'a>(
        &'a self,
        asker: &'a Asker,
        request: Message,
    ) -> Pin<Box<dyn Future<Output = Message> + Send + 'a>> {
        Box::pin(async move {
            match (request.header.application, request.header.command) {
                (ApplicationId::ZN, CommandCode::BOOTSTRAPPING_INFO) => {
                    self.bootstrapping_info(asker, &request).await
                }
                (ApplicationId::ZPN, CommandCode::GBA_PUSH_INFO) => self.push_info(asker, &request).await,
                _ => Answer::command_unsupported(&request, &self.origin).build(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::av_source::BuiltIn;
    use crate::config::Config;
    use crate::metrics::Metrics;
    use crate::store::Store;
    use crate::store::embedded::{EmbeddedStore, Options};

    fn identity(text: &str) -> DiameterIdentity {
        DiameterIdentity::parse(text).unwrap()
    }

    /// The names of a caller, joined.
    fn names(peer: &str, certificate: &[&str], origin: &str, route: &[&str], relays: &[&str]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> =
            Arc::new(EmbeddedStore::open(directory.path(), &Options::default()).unwrap());
        let metrics = Arc::new(Metrics::default());
        let source = Arc::new(BuiltIn::new(Arc::clone(&store), Arc::clone(&metrics)));
        let zn = Zn::new(&Config::default(), store, source, metrics);
        let own = Origin { host: identity("bsf.example"), realm: identity("example") };
        let relays = relays.iter().map(|name| identity(name)).collect();
        let service = ZnDiameter::new(Arc::new(zn), own, relays);
        let asker = Asker {
            peer: identity(peer),
            address: None,
            certificate_names: certificate.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut avps = vec![base::ORIGIN_HOST.text(origin)];
        avps.extend(route.iter().map(|name| base::ROUTE_RECORD.text(name)));
        let request = Message::request(CommandCode::BOOTSTRAPPING_INFO, ApplicationId::ZN, avps);
        let names = service.principals(&asker, &request).unwrap();
        let text = |principal| match principal {
            Principal::Host(name) | Principal::Name(name) => name,
        };
        names.into_iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_peer_is_its_origin_host_unless_its_certificate_says_otherwise() {
        assert_eq!(names("naf.example", &[], "NAF.example", &[], &[]), "NAF.example");
        let both = ["other.example", "Naf.example"];
        assert_eq!(
            names("naf.example", &both, "naf.example", &[], &[]),
            "other.example Naf.example naf.example"
        );
        assert_eq!(names("naf.example", &["other.example"], "naf.example", &[], &[]), "");
    }

    #[test]
    fn only_a_relay_that_is_named_is_believed_about_others() {
        let relays = &["dra.example"][..];
        assert_eq!(names("dra.example", &[], "naf.example", &[], &[]), "");
        assert_eq!(names("dra.example", &[], "naf.example", &[], relays), "naf.example");
        assert_eq!(names("dra.example", &[], "naf.example", &["naf.example"], relays), "naf.example");
        assert_eq!(names("other.example", &[], "naf.example", &[], relays), "");
        // The names in a relay's certificate are the relay's, not the NAF's.
        let shown = &["dra.example", "further.example"][..];
        assert_eq!(names("dra.example", shown, "naf.example", &[], relays), "naf.example");
        assert_eq!(names("dra.example", &["other.example"], "naf.example", &[], relays), "");
        // A route says that the peer is not who asks, even where the names are the same.
        assert_eq!(names("naf.example", &[], "naf.example", &["x.example"], relays), "");
    }
}
