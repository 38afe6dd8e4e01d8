//! Who a caller is: a token, the user at the other end of a Unix socket, a client certificate.

use crate::api::Answer;
use crate::certificates::Ca;
use crate::lab::{Lab, Setup, any_port};
use http::Method;
use ksnaf::http::client::Target;
use ksnaf_proto::gba::GbaMode;
use rustix::process::Uid;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A user that is not root and has no files.
const NOBODY: u32 = 65534;

fn assert_unauthenticated(answer: &Answer) {
    let problem = answer.problem(401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"ksnaf\""));
    assert_eq!(problem["detail"], "a bearer token, a client certificate or the Unix socket is needed");
    assert_eq!(problem.get("cause"), None);
}

#[tokio::test]
async fn over_tcp_only_a_right_token_names_a_caller() {
    let lab = Setup::new(GbaMode::U).start().await;
    let b_tid = lab.api().b_tid(false).await;
    let capital = lab.token.to_uppercase();
    let shorter = &lab.token[..lab.token.len() - 1];
    for token in [None, Some(""), Some("wrong"), Some(shorter), Some(capital.as_str()), Some("lab")] {
        let stranger = lab.api().with_token(token);
        for answer in [
            stranger.get("/v1/capabilities").await,
            stranger.bootstrap(true).await,
            stranger.device_side("raw").await,
            stranger.network_side(&b_tid, "raw").await,
            stranger.get("/v1/associations").await,
            stranger.delete("/v1/associations/x").await,
            stranger.get("/v1/subscribers").await,
            stranger.get("/fetchCredentials/x/22").await,
        ] {
            assert_unauthenticated(&answer);
        }
    }
    let none = lab.api().with_token(None);
    for value in ["Basic bGFiOmxhYg==", "Bearer", "bearer  ", &lab.token, "\u{e4}"] {
        let headers = [("authorization", value)];
        assert_unauthenticated(&none.send(Method::GET, "/v1/capabilities", &headers, b"").await);
    }
    let spelled = format!("bEARER {}", lab.token);
    none.send(Method::GET, "/v1/capabilities", &[("authorization", &spelled)], b"").await.ok();
    assert_eq!(lab.live().await, [b_tid], "nothing was bootstrapped for a stranger");
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(none.get(path).await.status, 200, "{path} is for everybody");
    }
    lab.finish().await;
}

#[tokio::test]
async fn tokens_of_a_file_name_their_callers() {
    let folder = crate::lab::folder();
    let file = folder.path().join("tokens");
    let token = "a-token-from-a-file-1234";
    std::fs::write(&file, format!("# who\n\ncse {token}\n")).unwrap();
    let setup = Setup::new(GbaMode::U).config(|config| {
        config.api.token_file = Some(file);
        config.naf[0].principals = vec!["cse".to_owned()];
    });
    let lab = setup.start().await;
    lab.secret("the file's token", token);
    lab.api().with_token(Some(token)).device_side("raw").await.ok();
    lab.api().device_side("raw").await.problem(403);
    lab.finish().await;
}

#[tokio::test]
async fn the_services_own_user_may_do_everything_over_the_unix_socket() {
    let lab = Setup::new(GbaMode::U).start().await;
    let socket = lab.service().addresses.api_unix.clone().unwrap();
    let owner = lab.api().with_token(None).by(Target::Unix(socket));
    let b_tid = owner.b_tid(false).await;
    assert_eq!(owner.network_side(&b_tid, "raw").await.ok(), owner.device_side("raw").await.ok());
    let unlisted = crate::api::question(Some(&b_tid), "unlisted.example", "tls13-psk", "raw");
    owner.post("/v1/naf/credentials", &unlisted).await.ok();
    let subscribers = owner.get("/v1/subscribers").await.ok();
    assert_eq!(subscribers["subscribers"].as_array().unwrap().len(), 1);
    assert_eq!(owner.get("/v1/associations").await.ok()["associations"].as_array().unwrap().len(), 1);
    assert_unauthenticated(&owner.with_token(Some("wrong")).get("/v1/capabilities").await);
    lab.finish().await;
}

/// Runs in a thread that the kernel takes for another user's.
fn as_nobody<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(move || {
        rustix::thread::set_thread_groups(&[]).unwrap();
        let nobody = Uid::from_raw(NOBODY);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        run()
    });
    thread.join().unwrap()
}

/// A connection to a Unix socket, made by another user: its credentials stay with it.
fn connected_by_nobody(socket: PathBuf) -> std::io::Result<std::os::unix::net::UnixStream> {
    as_nobody(move || std::os::unix::net::UnixStream::connect(socket))
}

async fn asked_by_nobody(lab: &Lab, path: &str, body: Option<&serde_json::Value>) -> crate::wire::Answer {
    let stream = connected_by_nobody(lab.service().addresses.api_unix.clone().unwrap()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut wire = crate::wire::Wire::over(tokio::net::UnixStream::from_std(stream).unwrap());
    let body = body.map(ToString::to_string);
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let length = body.len();
    wire.exchange(format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"))
        .await
}

#[tokio::test]
async fn another_user_on_the_unix_socket_has_what_an_entry_grants_and_no_more() {
    assert!(rustix::process::geteuid().is_root(), "this test changes users: run it as root");
    let folder = crate::lab::folder();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let socket = folder.path().join("api.sock");
    let setup = Setup::new(GbaMode::U).config(|config| {
        config.api.unix_socket = Some(socket);
        let mut theirs = config.naf[0].clone();
        theirs.fqdn = crate::lab::fqdn("theirs.example");
        theirs.principals = vec![format!("uid:{NOBODY}")];
        config.naf.push(theirs);
    });
    let lab = setup.start().await;
    let b_tid = lab.api().b_tid(false).await;
    let ask = |naf| crate::api::question(Some(&b_tid), naf, crate::api::DIGEST, "raw");
    let granted = asked_by_nobody(&lab, "/v1/naf/credentials", Some(&ask("theirs.example"))).await;
    assert_eq!(granted.status, 200, "{}", granted.text());
    let granted: serde_json::Value = serde_json::from_slice(&granted.body).unwrap();
    lab.secret("nobody's key", ksnaf_proto::hex::decode(granted["key"].as_str().unwrap()).unwrap());
    assert_eq!(asked_by_nobody(&lab, "/v1/naf/credentials", Some(&ask(crate::api::NAF))).await.status, 403);
    for path in ["/v1/subscribers", "/v1/associations"] {
        assert_eq!(asked_by_nobody(&lab, path, None).await.status, 403, "{path}");
    }
    assert_eq!(asked_by_nobody(&lab, "/v1/capabilities", None).await.status, 200);
    lab.finish().await;
}

#[tokio::test]
async fn the_socket_in_the_data_directory_is_out_of_reach_for_others() {
    assert!(rustix::process::geteuid().is_root(), "this test changes users: run it as root");
    let lab = Setup::new(GbaMode::U).start().await;
    let mode = std::fs::metadata(lab.data_dir()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let socket = lab.service().addresses.api_unix.clone().unwrap();
    let refused = connected_by_nobody(socket).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    lab.finish().await;
}

#[tokio::test]
async fn a_client_certificate_names_its_caller_by_its_alternative_names() {
    let (ca, stranger) = (Ca::new(), Ca::new());
    let (server, root) = (ca.server(), ca.file());
    let setup = Setup::new(GbaMode::U).config(|config| {
        config.api.tls_listen = Some(any_port());
        config.api.tls_certificate = Some(server.certificate);
        config.api.tls_key = Some(server.key);
        config.api.client_ca = Some(root);
        config.naf[0].principals = vec!["cse.example".to_owned(), "urn:m2m:maf".to_owned()];
    });
    let lab = setup.start().await;
    let address = lab.service().addresses.api_tls.unwrap();
    let by = |ca: &Ca, client: Option<&crate::certificates::Files>| {
        lab.api().with_token(None).by(ca.target(address, client))
    };
    let right = by(&ca, Some(&ca.client("cse.example")));
    let device = right.device_side("raw").await.ok();
    let b_tid = device["b_tid"].as_str().unwrap();
    assert_eq!(right.network_side(b_tid, "raw").await.ok(), device);
    assert_eq!(by(&ca, Some(&ca.client_by_uri("urn:m2m:maf"))).network_side(b_tid, "raw").await.ok(), device);

    let other = by(&ca, Some(&ca.client("other.example")));
    other.get("/v1/capabilities").await.ok();
    other.network_side(b_tid, "raw").await.problem(403);
    assert_unauthenticated(&by(&ca, Some(&ca.nameless_client())).get("/v1/capabilities").await);
    let both = by(&ca, Some(&ca.client("other.example"))).with_token(Some(&lab.token));
    assert_eq!(both.get("/v1/associations").await.status, 200, "a token names its caller here too");

    // Without a certificate, or with one of another CA, there is no connection to ask on.
    for client in [None, Some(stranger.client("cse.example"))] {
        let answer = by(&ca, client.as_ref()).try_send(Method::GET, "/healthz", &[], b"").await;
        assert!(answer.is_err(), "{answer:?}");
    }
    lab.finish().await;
}
