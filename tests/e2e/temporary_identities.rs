//! TMPI: the name that goes over Ub in place of the subscriber's own from the second bootstrap on.

use crate::device::{Device, exchange};
use crate::lab::{Lab, Setup, seconds};
use crate::proxy::Proxy;
use ksnaf_proto::gba::{GbaMode, Tmpi};
use ksnaf_proto::ub::UbRequest;
use std::time::Duration;

async fn watched(setup: Setup) -> (Lab, Proxy) {
    let proxy = Proxy::start().await;
    let url = proxy.url();
    let lab = setup
        .config(|config| {
            config.ue.bsf = Some(url);
            config.ue.bsf_name = Some(crate::lab::BSF.to_owned());
        })
        .start()
        .await;
    proxy.lead_to(lab.ub());
    (lab, proxy)
}

#[tokio::test]
async fn the_subscriber_goes_over_ub_once_and_then_by_temporary_names_only() {
    for mode in [GbaMode::Me, GbaMode::U] {
        let (lab, proxy) = watched(Setup::new(mode)).await;
        let imsi = lab.person.imsi.as_str();
        lab.api().b_tid(true).await;
        let (first, answers) = (proxy.requests(), proxy.answers());
        assert!(first.contains(imsi) && !first.contains(Tmpi::DOMAIN));
        assert!(first.contains("3gpp-gba-tmpi") && answers.contains("3gpp-gba-tmpi"), "both sides tell it");
        let mut names = Vec::new();
        for _ in 0..3 {
            lab.api().b_tid(true).await;
            let requests = proxy.requests();
            assert!(!requests.contains(imsi), "the IMSI is on the wire");
            let at = requests.find("username=\"").unwrap() + "username=\"".len();
            let name = requests[at..].split('"').next().unwrap().to_owned();
            assert!(Tmpi::parse(&name).is_some(), "{name}");
            names.push(name);
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 3, "each bootstrap gives another");
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_name_that_the_bsf_has_lost_costs_one_request_more() {
    let (lab, proxy) = watched(Setup::new(GbaMode::U)).await;
    let b_tid = lab.api().b_tid(true).await;
    let _ = proxy.requests();
    assert_eq!(
        lab.api().delete(&format!("/v1/associations/{}", crate::api::segment(&b_tid))).await.status,
        204
    );
    let again = lab.api().b_tid(true).await;
    assert_ne!(b_tid, again);
    let requests = proxy.requests();
    let tmpi = requests.find(Tmpi::DOMAIN).unwrap();
    assert!(requests.find(lab.person.imsi.as_str()).unwrap() > tmpi, "first the TMPI, then the IMPI");
    assert_eq!(lab.api().counter("ksnaf_ub_requests", "unknown_tmpi").await, 1);
    lab.finish().await;
}

#[tokio::test]
async fn no_temporary_names_where_either_side_does_without() {
    for device_side in [true, false] {
        let setup = Setup::new(GbaMode::U).config(|config| {
            if device_side {
                config.ue.tmpi = false;
            } else {
                config.bsf.tmpi = false;
            }
        });
        let (lab, proxy) = watched(setup).await;
        lab.api().b_tid(true).await;
        lab.api().b_tid(true).await;
        assert!(!proxy.requests().contains(Tmpi::DOMAIN));
        lab.finish().await;
    }
}

#[tokio::test]
async fn a_temporary_name_dies_with_its_bootstrap() {
    let setup = Setup::new(GbaMode::Me).config(|config| config.bsf.key_lifetime = seconds(2.0));
    let lab = setup.start().await;
    let mut device = Device::new(lab.person.clone());
    device.bootstrap(lab.ub()).await.unwrap();
    let request = device.begin().request;
    let ask = async |request: &UbRequest| exchange(lab.ub(), request.clone()).await.unwrap().status;
    assert_eq!(ask(&request).await, 401);
    lab.watch_live().await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(ask(&request).await, 404);
    lab.finish().await;
}
