//! Who may ask on Nbsp_GBA: access tokens of an authorisation server, and client certificates.

use crate::api::{Answer, Api, NAF, tcp};
use crate::certificates::Ca;
use crate::lab::{Lab, Setup, any_port, folder};
use crate::naf::{post, query};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ksnaf::config::ZnOauthConfig;
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::gba::lifetime::unix_seconds;
use rcgen::PublicKeyData as _;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::SystemTime;
use tempfile::TempDir;

const KEYS: &str = "/nbsp-gba/v1/bootstrapping-info-retrieval";
const PUSH: &str = "/nbsp-gba/v1/push-info-retrieval";

/// Who signs access tokens.
struct Nrf {
    pair: rcgen::KeyPair,
    folder: TempDir,
}

impl Nrf {
    fn new() -> Self {
        let (pair, folder) = (rcgen::KeyPair::generate().unwrap(), folder());
        let info = base64::engine::general_purpose::STANDARD.encode(pair.subject_public_key_info());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{info}\n-----END PUBLIC KEY-----\n");
        std::fs::write(folder.path().join("nrf.pem"), pem).unwrap();
        Self { pair, folder }
    }

    fn config(&self) -> ZnOauthConfig {
        ZnOauthConfig {
            public_keys: vec![self.folder.path().join("nrf.pem")],
            hmac_secret_file: None,
            issuer: Some("nrf-1".to_owned()),
            audience: vec!["bsf-1".to_owned()],
            principal_claim: "sub".to_owned(),
        }
    }

    fn token(&self, claims: &Value) -> String {
        let random = ring::rand::SystemRandom::new();
        let der = self.pair.serialized_der();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random).unwrap();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({ "alg": "ES256", "typ": "JWT" })), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(&random, message.as_bytes()).unwrap());
        format!("{message}.{signature}")
    }
}

fn claims() -> Value {
    let expires = unix_seconds(SystemTime::now()) + 600;
    json!({ "iss": "nrf-1", "sub": "naf-instance", "aud": "bsf-1", "scope": "nbsp-gba", "exp": expires })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

async fn ask(lab: &Lab, path: &str, token: Option<&str>, b_tid: &str) -> Answer {
    let address = lab.service().addresses.zn_sbi.unwrap();
    let api = Api::new(tcp(address), token.map(str::to_owned), Arc::clone(&lab.watch));
    if let Some(token) = token {
        lab.secret("an access token", token);
    }
    let answer = post(&api, path, &query(b_tid).to_json()).await;
    remember(lab, &answer);
    answer
}

fn remember(lab: &Lab, answer: &Answer) {
    if let Some(key) = serde_json::from_slice::<Value>(&answer.body).unwrap()["meKeyMaterial"].as_str() {
        lab.secret("a NAF's key", ksnaf_proto::hex::decode(key).unwrap());
    }
}

#[tokio::test]
async fn a_good_access_token_names_the_principal() {
    let nrf = Nrf::new();
    let lab = Setup::new(GbaMode::U).config(|config| {
        config.zn.oauth = Some(nrf.config());
        config.naf[0].principals.push("naf-instance".to_owned());
    });
    let lab = lab.start().await;
    let b_tid = lab.api().b_tid(false).await;
    ask(&lab, KEYS, Some(&nrf.token(&claims())), &b_tid).await.ok();
    let exact = with("scope", json!("nbsp-gba:bootstrapping-info-retrieval:invoke"));
    ask(&lab, KEYS, Some(&nrf.token(&exact)), &b_tid).await.ok();
    let stranger = nrf.token(&with("sub", json!("another-instance")));
    let refused = ask(&lab, KEYS, Some(&stranger), &b_tid).await;
    assert_eq!((refused.status.as_u16(), refused.header("www-authenticate")), (403, None));
    assert_eq!(lab.api().b_tid(false).await, b_tid, "the API still knows its own tokens");
    lab.finish().await;
}

#[tokio::test]
async fn a_bad_access_token_and_the_tokens_of_the_api_are_401() {
    let (nrf, forger) = (Nrf::new(), Nrf::new());
    let lab = Setup::new(GbaMode::U).config(|config| config.zn.oauth = Some(nrf.config())).start().await;
    let b_tid = lab.api().b_tid(false).await;
    let unsigned = {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims()))
    };
    for bad in [
        unsigned,
        forger.token(&claims()),
        nrf.token(&with("exp", json!(1_700_000_000))),
        nrf.token(&with("aud", json!("bsf-2"))),
        nrf.token(&with("iss", json!("nrf-2"))),
        lab.token.clone(),
        "no.access.token".to_owned(),
    ] {
        let answer = ask(&lab, KEYS, Some(&bad), &b_tid).await;
        assert_eq!(answer.status.as_u16(), 401);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""),
            "{challenge}"
        );
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    let without = ask(&lab, KEYS, None, &b_tid).await;
    let challenge = without.header("www-authenticate").unwrap();
    assert!(without.status.as_u16() == 401 && !challenge.contains("error"), "{challenge}");
    lab.finish().await;
}

#[tokio::test]
async fn a_token_for_another_operation_is_403_and_told_which_scope_it_lacks() {
    let nrf = Nrf::new();
    let lab = Setup::new(GbaMode::U).config(|config| config.zn.oauth = Some(nrf.config())).start().await;
    let b_tid = lab.api().b_tid(false).await;
    for (path, scope) in [
        (KEYS, "nbsp-gba:push-info-retrieval:invoke"),
        (PUSH, "nbsp-gba:bootstrapping-info-retrieval:invoke"),
        (KEYS, "nnrf-disc"),
    ] {
        let token = nrf.token(&with("scope", json!(scope)));
        let answer = ask(&lab, path, Some(&token), &b_tid).await;
        assert_eq!(answer.status.as_u16(), 403);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\", scope=\"nbsp-gba "), "{challenge}");
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_client_certificate_names_the_naf_over_tls() {
    let ca = Ca::new();
    let server = ca.server();
    let setup = Setup::new(GbaMode::U).config(|config| {
        config.naf[0].principals = vec![NAF.to_owned(), "urn:uuid:naf-instance".to_owned()];
        config.zn.sbi_tls_listen = Some(any_port());
        config.zn.tls_certificate = Some(server.certificate.clone());
        config.zn.tls_key = Some(server.key.clone());
        config.zn.client_ca = Some(ca.file());
    });
    let lab = setup.start().await;
    let b_tid = lab.api().with_token(Some(&lab.token)).b_tid(false).await;
    let address = lab.service().addresses.zn_sbi_tls.unwrap();
    let ask = async |files: &crate::certificates::Files| {
        let api = Api::new(ca.target(address, Some(files)), None, Arc::clone(&lab.watch));
        let answer = post(&api, KEYS, &query(&b_tid).to_json()).await;
        remember(&lab, &answer);
        answer.status.as_u16()
    };
    assert_eq!(ask(&ca.client("NAF.lab.example")).await, 200);
    assert_eq!(ask(&ca.client_by_uri("urn:uuid:naf-instance")).await, 200);
    assert_eq!(ask(&ca.client("other.example")).await, 403);
    assert_eq!(ask(&ca.nameless_client()).await, 401);
    lab.finish().await;
}
