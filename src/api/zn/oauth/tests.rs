use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair,
};
use serde_json::json;
use tempfile::TempDir;

const SCOPE: &[&str] = &["nbsp-gba", "nbsp-gba:bootstrapping-info-retrieval:invoke"];
const SECRET: &str = "a secret of more than thirty-two octets";

/// Made by OpenSSL, which shares no code with what is tested.
const RSA: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA+X5khE4nQ4G9KHQRn8lp\n\
DbBE3msL5X/IarPX11pOzUUFtiPumoU17sK0FXOYt/FVVizM0o42QOi7U3lpUbHo\n\
TGRtgaxq9bYd6BmKzx/VwlsEakZ3nxI9McFQAih8OIQp1lZWJ95rMGI1nNF8pFps\n\
l+U49mD9rWKxY2gjM+iZP66ky7dvp6sO+68bR3nMkMrtLLFgqP+earJDsxnv+vDr\n\
t+cYLvSxjekKTYEQyRaFdppYQuGyRk4Wo9reieg4hg+oRj6+/rV3Ti7XwLO2V28L\n\
/Voy7LMgS9fE5VD9Pg7szowobAj/F7m0ckyxJnXhuHLwED/DOK+E3JgAi1bGyBs7\n\
cQIDAQAB\n\
-----END PUBLIC KEY-----\n";
const RSA_TOKENS: [&str; 2] = [
    concat!(
        "eyJhbGciOiAiUlMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAibnJmIiwgInN1YiI6ICJuYWYtMSIsICJhdWQiOiBbImJ",
        "zZi0xIl0sICJzY29wZSI6ICJuYnNwLWdiYSIsICJleHAiOiA0MTAyNDQ0ODAwfQ.I13hjPLvO1qNcBtbhKAn7-x5GTYYMaV3",
        "YA5QhI4fs52N3atP-tSJR_ArV7hRMVs6yzOSsjKRnDzfp5oaQQ8i5Bkz0S5wVGSOci_G09zHBsfS0_uNWvDVcQe1iqWLZT5U",
        "z4Aup4yLogCxhWO1kajJNu5k7aqJvDKqN_GGILAYzvCWE5SL2ELoNwmkHxX9g5f7EIh7fzFoByDpVbIDnTAlLrPMj49G-0W6",
        "Cr0kfUyi41NLeNVX-flSar6k3yPj1eP28WYUJ6crLyG3t_oPa4hvWLHjuFQBSVjsurzJMAYcOtZNHFJ3cbZNDrzfysnAl-Fl",
        "4gIrB-faEjFx89wOkcxJkg",
    ),
    concat!(
        "eyJhbGciOiAiUFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAibnJmIiwgInN1YiI6ICJuYWYtMSIsICJhdWQiOiBbImJ",
        "zZi0xIl0sICJzY29wZSI6ICJuYnNwLWdiYSIsICJleHAiOiA0MTAyNDQ0ODAwfQ.9fZu_q3DRnDobQSHl29CDDmmQTx0YH4j",
        "y1h6PtPlmuauCfrKGpy5qoDeYQU6Yuo_crEtzATVg-mC9Mm4yZaMO3bdUB2OLoxJLwEj3HQ7Fai7CPFSffnMhfBYEmw3aJ2T",
        "rge_eV1UlPrkSG0exsgYHpn1dz7QkOUUwh4cMonIxkhytd88ry_4EzLeSGvlCu9tTAsZMZRwhAtph-fGb8hnE_OpMBSRJ5gR",
        "cmaDcluFlDg4xLm0eOSFmDRYYJxDTQA4FwhxZtazbcWSFTroPOV_Ctino7PNjg75lqJtLSB0CU_pDDCq5HBZ_k41oxgu4fze",
        "pDlPTqOlZAm1bekGdKDgOA",
    ),
];

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn hs256(secret: &str, header: &Value, claims: &Value) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    token(header, claims, |message| ring::hmac::sign(&key, message).as_ref().to_vec())
}

fn plain(secret: &str, claims: &Value) -> String {
    hs256(secret, &json!({ "alg": "HS256", "typ": "JWT" }), claims)
}

fn claims() -> Value {
    json!({ "iss": "nrf", "sub": "naf-1", "aud": ["other", "bsf-1"], "scope": "x nbsp-gba", "exp": 4_102_444_800_u64 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn config(directory: &TempDir, pem: &[&str], secret: Option<&str>) -> ZnOauthConfig {
    let file = |name: String, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    ZnOauthConfig {
        public_keys: pem.iter().enumerate().map(|(at, pem)| file(format!("{at}.pem"), pem)).collect(),
        hmac_secret_file: secret.map(|secret| file("secret".to_owned(), secret)),
        issuer: Some("nrf".to_owned()),
        audience: vec!["bsf-1".to_owned(), "GBA_BSF".to_owned()],
        principal_claim: "sub".to_owned(),
    }
}

fn oauth(pem: &[&str], secret: Option<&str>) -> Oauth {
    let directory = tempfile::tempdir().unwrap();
    Oauth::from_config(&config(&directory, pem, secret)).unwrap()
}

fn refused(oauth: &Oauth, token: &str) -> String {
    oauth.principal(token, SCOPE).unwrap_err().to_string()
}

#[test]
fn a_token_names_its_bearer() {
    let oauth = oauth(&[], Some(&format!("{SECRET}\n")));
    assert_eq!(oauth.principal(&plain(SECRET, &claims()), SCOPE).unwrap(), "naf-1");
    let by_type = with("aud", json!("GBA_BSF"));
    assert_eq!(oauth.principal(&plain(SECRET, &by_type), SCOPE).unwrap(), "naf-1");
}

#[test]
fn a_claim_of_ones_own_may_name_the_bearer() {
    let directory = tempfile::tempdir().unwrap();
    let named = ZnOauthConfig { principal_claim: "naf".to_owned(), ..config(&directory, &[], Some(SECRET)) };
    let oauth = Oauth::from_config(&named).unwrap();
    assert_eq!(
        oauth.principal(&plain(SECRET, &with("naf", json!("naf.example"))), SCOPE).unwrap(),
        "naf.example"
    );
    for nameless in [claims(), with("naf", json!("")), with("naf", json!(7))] {
        assert_eq!(refused(&oauth, &plain(SECRET, &nameless)), "no principal in it");
    }
}

#[test]
fn a_token_that_is_over_or_for_another_or_of_another_is_refused() {
    let oauth = oauth(&[], Some(SECRET));
    for (claims, reason) in [
        (with("exp", json!(1_700_000_000)), "expired"),
        (with("exp", json!("4102444800")), "a claim is missing or wrong"),
        (with("exp", Value::Null), "a claim is missing or wrong"),
        (with("nbf", json!(4_102_444_000_u64)), "not yet valid"),
        (with("aud", json!("other")), "for another audience"),
        (with("aud", Value::Null), "a claim is missing or wrong"),
        (with("iss", json!("another")), "of another issuer"),
        (with("iss", Value::Null), "a claim is missing or wrong"),
        (with("scope", json!(["nbsp-gba"])), "a claim is missing or wrong"),
    ] {
        assert_eq!(refused(&oauth, &plain(SECRET, &claims)), reason, "{claims}");
    }
}

#[test]
fn a_good_token_for_something_else_is_told_from_a_bad_one() {
    let oauth = oauth(&[], Some(SECRET));
    for scope in ["", "nbsp-gbax", "nnrf-disc", "nbsp-gba:push-info-retrieval:invoke"] {
        let token = plain(SECRET, &with("scope", json!(scope)));
        assert!(matches!(oauth.principal(&token, SCOPE), Err(TokenError::Scope)), "{scope}");
    }
}

#[test]
fn nothing_but_the_configured_key_and_its_own_algorithms_verifies() {
    let oauth = oauth(&[RSA], Some(SECRET));
    let unsigned = |algorithm: &str| token(&json!({ "alg": algorithm }), &claims(), |_| Vec::new());
    assert_eq!(refused(&oauth, &unsigned("none")), "not a token, or of no known algorithm");
    assert_eq!(refused(&oauth, &unsigned("None")), "not a token, or of no known algorithm");
    assert_eq!(refused(&oauth, &unsigned("HS256")), "the signature does not verify");
    assert_eq!(refused(&oauth, &unsigned("ES256")), "no key for its algorithm");
    assert_eq!(
        refused(&oauth, &plain("another secret of more than 32 octets", &claims())),
        "the signature does not verify"
    );
    // A public key is no secret: HMAC with it must not pass for a signature.
    let der = SubjectPublicKeyInfoDer::from_pem_slice(RSA.as_bytes()).unwrap();
    let der = String::from_utf8_lossy(&der).into_owned();
    for confused in [RSA, &der] {
        assert_eq!(refused(&oauth, &plain(confused, &claims())), "the signature does not verify");
    }
    let extended = json!({ "alg": "HS256", "crit": ["x"], "x": 1 });
    assert_eq!(refused(&oauth, &hs256(SECRET, &extended, &claims())), "a header extension that is not known");
}

#[test]
fn every_cut_and_every_changed_octet_is_refused() {
    let oauth = oauth(&[], Some(SECRET));
    let token = plain(SECRET, &claims());
    for end in 0..token.len() {
        assert!(oauth.principal(&token[..end], SCOPE).is_err(), "{end}");
        let mut changed = token.clone().into_bytes();
        changed[end] ^= 1;
        // The last octet's lowest bit is not part of the signature, and must then be zero.
        assert!(oauth.principal(&String::from_utf8_lossy(&changed), SCOPE).is_err(), "{end}");
    }
}

#[test]
fn signatures_of_openssl_with_rsa_verify() {
    let oauth = oauth(&[RSA], None);
    for token in RSA_TOKENS {
        assert_eq!(oauth.principal(token, SCOPE).unwrap(), "naf-1");
        let (head, _) = token.rsplit_once('.').unwrap();
        let (other, _) = RSA_TOKENS[0].rsplit_once('.').unwrap();
        assert_eq!(refused(&oauth, &format!("{head}.{other}")), "not a token, or of no known algorithm");
    }
    let (head, _) = RSA_TOKENS[0].rsplit_once('.').unwrap();
    let (_, other) = RSA_TOKENS[1].rsplit_once('.').unwrap();
    assert_eq!(refused(&oauth, &format!("{head}.{other}")), "the signature does not verify");
}

#[test]
fn elliptic_curves_verify_whichever_of_several_keys_it_is() {
    let random = ring::rand::SystemRandom::new();
    let ec =
        |algorithm: &'static EcdsaSigningAlgorithm, name: &str, of: &'static rcgen::SignatureAlgorithm| {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
            let sign = |message: &[u8]| pair.sign(&random, message).unwrap().as_ref().to_vec();
            (pem(pkcs8.as_ref(), of), token(&json!({ "alg": name }), &claims(), sign))
        };
    let (p256, es256) = ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256", &rcgen::PKCS_ECDSA_P256_SHA256);
    let (p384, es384) = ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384", &rcgen::PKCS_ECDSA_P384_SHA384);
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let eddsa = token(&json!({ "alg": "EdDSA" }), &claims(), |message| pair.sign(message).as_ref().to_vec());
    let ed25519 = pem(pkcs8.as_ref(), &rcgen::PKCS_ED25519);

    let all = oauth(&[&p256, &p384, &ed25519, RSA], None);
    for token in [&es256, &es384, &eddsa] {
        assert_eq!(all.principal(token, SCOPE).unwrap(), "naf-1");
    }
    assert_eq!(refused(&oauth(&[&p384, &ed25519, RSA], None), &es256), "no key for its algorithm");
    let (another, _) = ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256", &rcgen::PKCS_ECDSA_P256_SHA256);
    assert_eq!(refused(&oauth(&[&another], None), &es256), "the signature does not verify");
}

fn pem(pkcs8: &[u8], algorithm: &'static rcgen::SignatureAlgorithm) -> String {
    use rcgen::PublicKeyData as _;
    let der = rustls::pki_types::PrivatePkcs8KeyDer::from(pkcs8);
    let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, algorithm).unwrap();
    let info = base64::engine::general_purpose::STANDARD.encode(pair.subject_public_key_info());
    format!("-----BEGIN PUBLIC KEY-----\n{info}\n-----END PUBLIC KEY-----\n")
}

#[test]
fn a_certificate_will_do_for_a_key() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
    let random = ring::rand::SystemRandom::new();
    let signer =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.serialized_der(), &random).unwrap();
    let sign = |message: &[u8]| signer.sign(&random, message).unwrap().as_ref().to_vec();
    let token = token(&json!({ "alg": "ES256" }), &claims(), sign);
    assert_eq!(oauth(&[&certificate.pem()], None).principal(&token, SCOPE).unwrap(), "naf-1");
}

#[test]
fn a_configuration_that_would_let_anybody_in_or_nobody_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let good = config(&directory, &[RSA], Some(SECRET));
    let error = |config: ZnOauthConfig| Oauth::from_config(&config).err().unwrap().to_string();
    assert!(error(ZnOauthConfig { audience: Vec::new(), ..good.clone() }).contains("audience"));
    let keyless = ZnOauthConfig { public_keys: Vec::new(), hmac_secret_file: None, ..good.clone() };
    assert!(error(keyless).contains("public_keys"));
    let missing = ZnOauthConfig { public_keys: vec![directory.path().join("missing")], ..good };
    assert!(error(missing).contains("missing"));
    for pem in ["", "no PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert!(error(config(&directory, &[pem], None)).contains("0.pem"), "{pem}");
    }
    assert!(error(config(&directory, &[], Some("short"))).contains("32 octets"));
}
