//! Answers on their way back: a CSE's inner life is cut out, the AE-ID that it gave is read.

use super::refusal::{Body, whole};
use bytes::Bytes;
use http::{HeaderMap, Response, header};
use http_body_util::BodyExt as _;
use serde_json::Value;

/// Octets of an error, or of a registration or its answer, that are looked into; a longer error is dropped.
const MAX: usize = 256 * 1024;

/// Diagnostics that a CSE adds to an error: file names and traces.
const DIAGNOSTICS: &str = "m2m:dbg";

/// An error without its diagnostics.
pub(super) async fn without_diagnostics(answer: Response<Body>) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    let octets = read(body).await;
    let kept = match octets {
        Some(octets) if is_json(&parts.headers) => cleaned(&octets).unwrap_or_default(),
        // Of no known form: nothing says that there are none in it.
        Some(octets) if !contains(&octets, DIAGNOSTICS.as_bytes()) => octets,
        _ => Bytes::new(),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    if kept.is_empty() {
        parts.headers.remove(header::CONTENT_TYPE);
    }
    Response::from_parts(parts, whole(kept))
}

/// An answer to a registration, and the AE-ID in it where it succeeded.
pub(super) async fn with_aei(answer: Response<Body>) -> (Response<Body>, Option<String>) {
    let (parts, body) = answer.into_parts();
    match read(body).await {
        Some(octets) => {
            let given = given(&octets);
            (Response::from_parts(parts, whole(octets)), given)
        }
        None => {
            let mut parts = parts;
            parts.headers.remove(header::CONTENT_LENGTH);
            (Response::from_parts(parts, whole(Bytes::new())), None)
        }
    }
}

/// A body's octets, unless there are too many.
pub(super) async fn read(body: Body) -> Option<Bytes> {
    read_up_to(body, MAX).await
}

/// A body's octets; `None` for more than `most`, and for one that is cut off.
pub(super) async fn read_up_to(mut body: Body, most: usize) -> Option<Bytes> {
    let mut octets = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            octets.extend_from_slice(&data);
        }
        if octets.len() > most {
            return None;
        }
    }
    Some(octets.into())
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.ends_with("/json") || media.ends_with("+json")
}

fn cleaned(octets: &[u8]) -> Option<Bytes> {
    let Ok(mut value) = serde_json::from_slice::<Value>(octets) else { return None };
    let had = value.as_object_mut().is_some_and(|members| members.remove(DIAGNOSTICS).is_some());
    match value.as_object() {
        Some(members) if had && members.is_empty() => None,
        _ if had => serde_json::to_vec(&value).ok().map(Bytes::from),
        _ if contains(octets, DIAGNOSTICS.as_bytes()) => None,
        _ => Some(Bytes::copy_from_slice(octets)),
    }
}

/// `m2m:ae` with its `aei`.
fn given(octets: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(octets).ok()?;
    value.get("m2m:ae")?.get("aei")?.as_str().map(str::to_owned)
}

fn contains(octets: &[u8], wanted: &[u8]) -> bool {
    octets.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error(kind: &str, body: &str) -> String {
        let answer =
            Response::builder().status(500).header("content-type", kind).body(whole(body.to_owned()));
        let answer = without_diagnostics(answer.unwrap()).await;
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn diagnostics_are_cut_out_of_errors() {
        assert_eq!(error("application/json", r#"{"m2m:dbg":"Traceback: /usr/x.py"}"#).await, "");
        let rest = error("application/vnd.onem2m-res+json; charset=utf-8", r#"{"m2m:dbg":"x","a":1}"#).await;
        assert_eq!(rest, r#"{"a":1}"#);
        assert_eq!(error("application/json", r#"{"a":{"m2m:dbg":"x"}}"#).await, "", "wherever they hide");
        assert_eq!(error("application/json", "no json, m2m:dbg").await, "");
        assert_eq!(error("application/xml", "<m2m:dbg>x</m2m:dbg>").await, "");
        assert_eq!(error("text/plain", "not found").await, "not found");
        assert_eq!(error("application/json", r#"{"a":1}"#).await, r#"{"a":1}"#);
        assert_eq!(error("text/plain", &"x".repeat(MAX + 1)).await, "");
    }

    #[test]
    fn the_aei_is_read_where_it_stands() {
        assert_eq!(given(br#"{"m2m:ae":{"rn":"a","aei":"Cgiven"}}"#).as_deref(), Some("Cgiven"));
        for other in ["", "{}", r#"{"m2m:ae":[]}"#, r#"{"m2m:ae":{"aei":1}}"#, r#"{"m2m:cnt":{"aei":"C"}}"#] {
            assert_eq!(given(other.as_bytes()), None, "{other}");
        }
    }
}
