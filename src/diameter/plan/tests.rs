use super::*;

fn plan(text: &str) -> Plan {
    Plan::from_config(&toml::from_str(text).unwrap()).unwrap()
}

fn routed(plan: &Plan) -> Vec<(String, Option<u32>, String, u16)> {
    let text = |realm: &Option<DiameterIdentity>| realm.as_ref().map_or("*".to_owned(), ToString::to_string);
    let line = |route: &Route| {
        let application = route.application.map(|id| id.0);
        (text(&route.realm), application, route.peer.to_string(), route.priority)
    };
    plan.routes.iter().map(line).collect()
}

#[test]
fn the_identity_is_the_bsfs_name_and_the_realm_what_follows_its_first_label() {
    for (text, host, realm) in [
        ("", "bsf.mnc001.mcc001.pub.3gppnetwork.org", "mnc001.mcc001.pub.3gppnetwork.org"),
        ("bsf.fqdn = \"bsf.example\"", "bsf.example", "example"),
        ("diameter.identity = \"b\"", "b", "b"),
        ("diameter.identity = \"b.\"", "b.", "b."),
        ("diameter.identity = \"b.x\"\ndiameter.realm = \"y\"", "b.x", "y"),
    ] {
        let Plan { origin, .. } = plan(text);
        assert_eq!((origin.host.as_str(), origin.realm.as_str()), (host, realm), "{text}");
    }
    assert!(plan("").is_idle());
}

#[test]
fn peers_are_routed_by_realm_and_application() {
    let plan = plan(
        "[[diameter.peer]]\nhost = \"a\"\naddress = \"h:1\"\nrealms = [\"x\", \"y\"]\napplications = [\"zh\", 7]\n\
         [[diameter.peer]]\naddress = \"h:2\"\npriority = 3\n[[diameter.peer]]\nhost = \"naf\"\n",
    );
    let zh = Some(ApplicationId::ZH.0);
    let line = |realm: &str, application, peer: &str, priority| {
        (realm.to_owned(), application, peer.to_owned(), priority)
    };
    assert_eq!(
        routed(&plan),
        [
            line("x", zh, "a", 0),
            line("x", Some(7), "a", 0),
            line("y", zh, "a", 0),
            line("y", Some(7), "a", 0),
            line("*", None, "h:2", 3),
            line("*", None, "naf", 0),
        ]
    );
    assert_eq!(plan.applications, [ApplicationId::ZH, ApplicationId(7)]);
    let peers = plan.settings.peers.iter().map(|peer| {
        let config = &peer.config;
        (config.host.as_str(), config.any_host, config.connects, peer.address.as_str())
    });
    assert!(peers.eq([("a", false, true, "h:1"), ("h:2", true, true, "h:2"), ("naf", false, false, "")]));
}

#[test]
fn whoever_is_asked_is_a_listed_peer_or_one_more() {
    let realm = DiameterIdentity::parse("hss.example").unwrap();
    let mut plan = plan("[[diameter.peer]]\nhost = \"hss1\"\naddress = \"h:1\"\napplications = [\"zh\"]\n");
    plan.ask(ApplicationId::ZH, "h:1", Some(&realm)).unwrap();
    plan.ask(ApplicationId::CX, "h:2", None).unwrap();
    assert_eq!(plan.settings.peers.len(), 2);
    assert_eq!(plan.applications, [ApplicationId::ZH, ApplicationId::CX]);
    let further = &routed(&plan)[1..];
    assert_eq!(further[0], ("hss.example".to_owned(), Some(ApplicationId::ZH.0), "hss1".to_owned(), 0));
    assert_eq!(further[1], ("*".to_owned(), Some(ApplicationId::CX.0), "h:2".to_owned(), 0));
}

#[test]
fn a_peer_over_tls_is_held_to_its_name_or_that_of_its_address() {
    let mut config = Config::default();
    let peer = |host: Option<&str>, address: &str| DiameterPeerConfig {
        host: host.map(|host| DiameterIdentity::parse(host).unwrap()),
        address: Some(address.to_owned()),
        tls: true,
        ..Default::default()
    };
    config.diameter.peer =
        vec![peer(Some("hss.example"), "127.0.0.1:1"), peer(None, "h.example:2"), peer(None, "[::1]:3")];
    let plan = Plan::from_config(&config).unwrap();
    let names = plan.settings.peers.iter().map(|peer| peer.tls.as_ref().unwrap().to_str().into_owned());
    assert!(names.eq(["hss.example", "h.example", "::1"]));
    config.diameter.peer = vec![peer(Some("hss_1!"), "127.0.0.1:1")];
    assert!(matches!(Plan::from_config(&config), Err(PlanError::ServerName(_))));
}

#[tokio::test]
async fn a_node_tells_what_was_planned() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut plan = plan("diameter.product = \"p\"");
    plan.listen(Listener::Tcp(listener), address);
    plan.advertise(ApplicationId::ZN);
    plan.advertise(ApplicationId::ZN);
    assert!(!plan.is_idle());
    let (node, _desk) = plan.start().await;
    let local = node.local();
    assert_eq!((&local.product[..], &local.addresses[..]), ("p", &[address.ip()][..]));
    assert_eq!(local.applications, [Application::of_vendor(VendorId::TGPP, ApplicationId::ZN)]);
}

#[tokio::test]
async fn the_address_towards_a_peer_is_the_one_that_its_connection_has() {
    assert_eq!(source_towards("127.0.0.1:9").await, Some(Ipv4Addr::LOCALHOST.into()));
    assert_eq!(source_towards("nonsense").await, None);
}
