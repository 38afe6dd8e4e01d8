//! Which peers take a request: by realm and application (RFC 6733 clauses 2.7 and 6.1.6).

use crate::diameter::dictionary::base;
use crate::diameter::{ApplicationId, DiameterIdentity, Message};

/// One line of the routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Destination-Realm; `None` for any.
    pub realm: Option<DiameterIdentity>,
    /// The message's application; `None` for any.
    pub application: Option<ApplicationId>,
    /// The peer that takes it.
    pub peer: DiameterIdentity,
    /// The smaller goes first; among equals, the peer with the fewest requests waiting.
    pub priority: u16,
}

/// All lines.
#[derive(Debug, Clone, Default)]
pub struct RoutingTable(Vec<Route>);

/// How well a route fits; smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    any_realm: bool,
    any_application: bool,
    priority: u16,
}

impl RoutingTable {
    /// A table of these lines; their order does not matter.
    #[must_use]
    pub const fn new(routes: Vec<Route>) -> Self {
        Self(routes)
    }

    /// The peers for a realm and application. A line that names the realm goes before one for any realm, then
    /// one that names the application before one for any, then priority decides.
    pub(super) fn lookup<'a>(
        &'a self,
        realm: Option<&'a DiameterIdentity>,
        application: ApplicationId,
    ) -> impl Iterator<Item = (Rank, &'a DiameterIdentity)> {
        self.0
            .iter()
            .filter(move |route| route.realm.is_none() || route.realm.as_ref() == realm)
            .filter(move |route| route.application.is_none_or(|routed| routed == application))
            .map(|route| {
                let any_realm = route.realm.is_none();
                let any_application = route.application.is_none();
                (Rank { any_realm, any_application, priority: route.priority }, &route.peer)
            })
    }
}

/// Where a redirect agent points (RFC 6733 clause 6.12): the hosts of Redirect-Host, which are
/// `aaa://host[:port][;parameters]`. Unreadable ones are left out.
pub(super) fn redirect_hosts(answer: &Message) -> Vec<DiameterIdentity> {
    let host = |uri: &str| {
        let (scheme, rest) = uri.split_once("://")?;
        let known = scheme.eq_ignore_ascii_case("aaa") || scheme.eq_ignore_ascii_case("aaas");
        let host = rest.split([':', ';', '/']).next().filter(|_| known)?;
        DiameterIdentity::parse(host).ok()
    };
    answer.avps.all(&base::REDIRECT_HOST).filter_map(|avp| avp.text().ok().and_then(host)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diameter::{Avps, CommandCode};

    fn identity(text: &str) -> DiameterIdentity {
        DiameterIdentity::parse(text).unwrap()
    }

    fn route(realm: &str, application: Option<ApplicationId>, peer: &str, priority: u16) -> Route {
        let realm = (!realm.is_empty()).then(|| identity(realm));
        Route { realm, application, peer: identity(peer), priority }
    }

    #[test]
    fn the_closest_line_goes_first() {
        let table = RoutingTable::new(vec![
            route("", None, "default", 0),
            route("", Some(ApplicationId::ZH), "zh", 0),
            route("home", None, "home-any", 0),
            route("home", Some(ApplicationId::ZH), "home-zh-2", 2),
            route("home", Some(ApplicationId::ZH), "home-zh-1", 1),
            route("home", Some(ApplicationId::ZN), "home-zn", 0),
            route("away", None, "away", 0),
        ]);
        let peers = |realm, application| {
            let mut found: Vec<_> = table.lookup(realm, application).collect();
            found.sort();
            found.into_iter().map(|(_, peer)| peer.as_str()).collect::<Vec<_>>()
        };
        let home = identity("HOME");
        let zh = peers(Some(&home), ApplicationId::ZH);
        assert_eq!(zh, ["home-zh-1", "home-zh-2", "home-any", "zh", "default"]);
        assert_eq!(peers(None, ApplicationId::ZN), ["default"]);
    }

    #[test]
    fn redirect_hosts_are_the_hosts_of_their_uris() {
        let uris = [
            "aaa://hss1.example:3868;transport=tcp",
            "AAAS://hss2.example",
            "http://no.example",
            "hss3.example",
            "aaa://",
        ];
        let avps = uris.map(|uri| base::REDIRECT_HOST.text(uri)).to_vec();
        let mut answer = Message::request(CommandCode::MULTIMEDIA_AUTH, ApplicationId::ZH, vec![]);
        answer.avps = Avps::from(avps);
        assert_eq!(redirect_hosts(&answer), [identity("hss1.example"), identity("hss2.example")]);
    }
}
