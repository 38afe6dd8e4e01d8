//! freeDiameter as a relay on the way from the service to an HSS, and from a NAF to the service: three programs that
//! share no code, and none of them this project's but the service.

use crate::free_diameter::{FreeDiameter, PORT, connect_peer, folder};
use crate::lab::{Lab, NAF};
use crate::network::{ADDRESS, in_own_network};
use crate::pcscd::until;
use crate::python_peers::{BSF, Hss, bootstrapped, naf, ue};
use serde_json::json;
use std::net::TcpStream;

const RELAY: &str = "fd.example";
const IMSI: &str = "001010000000001";

#[test]
fn vectors_of_an_hss_behind_a_relay_come_to_the_ue() {
    in_own_network(|| {
        let (files, mut lab) = (folder(), Lab::new());
        let mut hss = Hss::start(&lab, &[(IMSI, "GBA_U")], "127.0.0.1:0", &["--peer", RELAY]);
        let connect = connect_peer("hss.lab.example", port(&hss.address), "No_TLS;");
        let relay = FreeDiameter::start(&files, &connect, &[BSF]);
        until("the relay listens", || TcpStream::connect((ADDRESS, PORT)).is_ok());
        // What the service is told of the HSS is the relay.
        hss.address = format!("{ADDRESS}:{PORT}");
        hss.serve(&mut lab, "diameter", &[]);
        assert_eq!(ue(&lab, IMSI, "GBA_U"), (0, json!([401, 200, 401, 200])), "{}", relay.running.log());
        assert_eq!(ue(&lab, "001010000000099", "GBA_U"), (1, json!([403])));
        assert_eq!(hss.asked(3).len(), 3);
        assert!(lab.stop().0.success());
    });
}

#[test]
fn a_naf_behind_a_relay_gets_the_key_of_the_ue_where_the_relay_is_named() {
    in_own_network(|| {
        for trusted in [true, false] {
            let (files, mut lab) = (folder(), Lab::new());
            let hss = Hss::start(&lab, &[(IMSI, "GBA")], "127.0.0.1:0", &[]);
            let relays = if trusted { format!("zn.relays=[\"{RELAY}\"]") } else { "zn.relays=[]".to_owned() };
            let nafs = [
                "zn.diameter_listen=127.0.0.1:0",
                &format!("naf.0.fqdn={NAF}"),
                &format!("naf.0.principals=[\"{NAF}\"]"),
                &relays,
            ];
            hss.serve(&mut lab, "diameter", &nafs);
            let ue = bootstrapped(&lab, IMSI, "GBA");
            let connect = connect_peer(BSF, port(lab.address("zn_diameter")), "No_TLS;");
            let relay = FreeDiameter::start(&files, &connect, &[NAF]);
            until("the relay listens", || TcpStream::connect((ADDRESS, PORT)).is_ok());
            until("the relay has the BSF", || relay.running.log().contains("STATE_OPEN"));
            let b_tid = ue["b_tid"].as_str().expect("a B-TID");
            let way = ["--bsf", &format!("{ADDRESS}:{PORT}"), "--peer", RELAY, "--b-tid", b_tid];
            let (_, zn) = naf(&lab, &way);
            assert_eq!(zn["origin_host"], BSF, "{zn} {}", relay.running.log());
            if trusted {
                assert_eq!((&zn["result"], &zn["me_key"]), (&json!(2001), &ue["ks_naf"]), "{zn}");
            } else {
                assert_eq!((&zn["result"], zn["me_key"].is_null()), (&json!(5402), true), "{zn}");
            }
            drop(relay);
            assert!(lab.stop().0.success());
        }
    });
}

fn port(address: &str) -> u16 {
    address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
}
