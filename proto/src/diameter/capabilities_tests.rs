use super::*;

fn identity(text: &str) -> DiameterIdentity {
    DiameterIdentity::parse(text).unwrap()
}

fn local(applications: Vec<Application>) -> LocalNode {
    LocalNode {
        origin: Origin { host: identity("bsf.example"), realm: identity("example") },
        addresses: vec![IpAddr::from([127, 0, 0, 1])],
        vendor: VendorId::IETF,
        product: "ksnaf".to_owned(),
        firmware: Some(1),
        origin_state_id: 5,
        applications,
        served_realms: vec![identity("other.example")],
    }
}

const ZN: Application = Application::of_vendor(VendorId::TGPP, ApplicationId::ZN);
const ZH: Application = Application::of_vendor(VendorId::TGPP, ApplicationId::ZH);
const RELAY: Application = Application::auth(ApplicationId::RELAY);

fn told(applications: Vec<Application>) -> Capabilities {
    Capabilities::parse(&Avps::from(local(applications).avps())).unwrap()
}

#[test]
fn what_a_node_tells_is_what_its_peer_reads() {
    let capabilities = told(vec![ZN, ZH, Application::acct(ApplicationId(3))]);
    assert_eq!(capabilities.origin, local(vec![]).origin);
    assert_eq!(capabilities.product, "ksnaf");
    assert_eq!(capabilities.origin_state_id, Some(5));
    let ids = [ApplicationId(3), ApplicationId::ZN, ApplicationId::ZH];
    assert!(capabilities.applications.iter().eq(&ids));
}

#[test]
fn applications_are_common_by_id_or_through_a_relay() {
    for (ours, theirs, common) in [
        (vec![ZN], vec![ZN, ZH], true),
        (vec![ZN], vec![ZH], false),
        (vec![ZN], vec![Application::auth(ApplicationId::ZN)], true),
        (vec![ZN], vec![Application::of_vendor(VendorId(9), ApplicationId::ZN)], true),
        (vec![ZN], vec![RELAY], true),
        (vec![RELAY], vec![ZH], true),
        (vec![ZN], vec![], false),
        (vec![RELAY], vec![], false),
    ] {
        assert_eq!(told(theirs.clone()).has_common_application(&local(ours.clone())), common);
        assert_eq!(told(ours).has_common_application(&local(theirs)), common);
    }
}

#[test]
fn each_required_avp_is_missed_with_an_example() {
    for def in
        [base::ORIGIN_HOST, base::ORIGIN_REALM, base::HOST_IP_ADDRESS, base::VENDOR_ID, base::PRODUCT_NAME]
    {
        let mut avps = Avps::from(local(vec![ZN]).avps());
        avps.retain(|avp| !avp.is(&def));
        assert_eq!(Capabilities::parse(&avps), Err(Fault::missing(&def)), "{}", def.name);
    }
}

#[test]
fn an_unknown_mandatory_avp_is_5001_and_inband_security_is_read_over() {
    let mut avps = Avps::from(local(vec![ZN]).avps());
    avps.push(base::INBAND_SECURITY_ID.unsigned32(1));
    avps.push(Avp::new(9999, VendorId(7), false, [][..].into()));
    assert!(Capabilities::parse(&avps).is_ok());
    avps.push(Avp::new(9999, VendorId(7), true, [][..].into()));
    assert_eq!(Capabilities::parse(&avps).unwrap_err().result, ResultCode::AVP_UNSUPPORTED);
}

#[test]
fn a_vendor_specific_application_has_exactly_one_id() {
    let auth = base::AUTH_APPLICATION_ID.unsigned32(1);
    let acct = base::ACCT_APPLICATION_ID.unsigned32(2);
    for (inside, result, shown) in
        [(vec![], ResultCode::MISSING_AVP, 2), (vec![auth, acct], ResultCode::AVP_OCCURS_TOO_MANY_TIMES, 2)]
    {
        let mut avps = Avps::from(local(vec![]).avps());
        avps.push(base::VENDOR_SPECIFIC_APPLICATION_ID.grouped(&inside));
        let fault = Capabilities::parse(&avps).unwrap_err();
        assert_eq!((fault.result, fault.failed.len()), (result, shown));
    }
}

#[test]
fn a_request_for_somebody_else_is_not_taken() {
    let host = |text| base::DESTINATION_HOST.text(text);
    let realm = |text| base::DESTINATION_REALM.text(text);
    for (destination, result) in [
        (vec![], None),
        (vec![realm("EXAMPLE")], None),
        (vec![realm("other.example")], None),
        (vec![host("BSF.example"), realm("elsewhere")], None),
        (vec![realm("elsewhere")], Some(ResultCode::REALM_NOT_SERVED)),
        (vec![host("hss.example"), realm("example")], Some(ResultCode::UNABLE_TO_DELIVER)),
        (vec![host("a b")], Some(ResultCode::INVALID_AVP_VALUE)),
    ] {
        let refused = local(vec![]).check_destination(&Avps::from(destination.clone()));
        assert_eq!(refused.err().map(|fault| fault.result), result, "{destination:?}");
    }
}
