use crate::{AskError, MAX_BODY, Peer, Version, ask, serve};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const BOUND: Duration = Duration::from_secs(20);

/// Tells what it was asked.
async fn echo(request: Request<Bytes>) -> Response<Bytes> {
    if request.uri().path() == "/never" {
        std::future::pending::<()>().await;
    }
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap().to_owned());
    let host = host.or_else(|| request.uri().authority().map(ToString::to_string)).unwrap();
    let told = format!("{:?} {} {host} {}", request.version(), request.uri().path(), request.body().len());
    Response::new(told.into())
}

async fn start() -> (String, CancellationToken, TaskTracker) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(serve(listener, echo, stop.clone(), tasks.clone()));
    (address, stop, tasks)
}

fn peer(address: &str, version: Version) -> Peer {
    Peer::of(&format!("http://{address}").parse().unwrap(), version, None).unwrap()
}

fn post(path: &str, body: &[u8]) -> Request<Bytes> {
    Request::post(path).body(Bytes::copy_from_slice(body)).unwrap()
}

#[tokio::test]
async fn one_port_speaks_both_versions_and_the_host_is_the_callers_choice() {
    let (address, stop, tasks) = start().await;
    for (version, name) in [(Version::Http1, "HTTP/1.1"), (Version::Http2, "HTTP/2.0")] {
        let peer = peer(&address, version);
        let answer = ask(&peer, post("/a", b"abc"), BOUND).await.unwrap();
        assert_eq!(answer.body(), &Bytes::from(format!("{name} /a {address} 3")));
        let mut named = post("/a", b"");
        named.headers_mut().insert(header::HOST, "naf.example".parse().unwrap());
        assert_eq!(ask(&peer, named, BOUND).await.unwrap().body(), &format!("{name} /a naf.example 0"));
        let large = ask(&peer, post("/a", &vec![0; MAX_BODY + 1]), BOUND).await.unwrap();
        assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn what_does_not_answer_is_told_apart() {
    let (address, stop, tasks) = start().await;
    let late = ask(&peer(&address, Version::Http2), post("/never", b""), Duration::from_millis(50)).await;
    assert!(matches!(late, Err(AskError::Timeout { .. })));
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let gone = ask(&peer(&address, Version::Http1), post("/", b""), BOUND).await;
    assert!(matches!(gone, Err(AskError::Connect { .. })));
    for bad in ["ftp://a", "/a", "https://a"] {
        let url: Uri = bad.parse().unwrap();
        assert!(matches!(Peer::of(&url, Version::Http1, None), Err(AskError::Url(_))), "{bad}");
    }
}
