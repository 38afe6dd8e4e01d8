//! Which header fields pass. A request is rebuilt, not copied: what the client says of itself stays outside.

use super::refusal::{Refusal, Rsc};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

/// Of one connection (RFC 9110 clause 7.6.1), so never passed on as they are.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Said by the proxy alone, whatever the client says.
const OWN: [&str; 8] = [
    "authorization",
    "expect",
    "forwarded",
    "x-m2m-origin",
    "x-3gpp-asserted-identity",
    "x-3gpp-authorization-flags",
    "x-3gpp-intended-identity",
    "x-real-ip",
];

/// What passes where an Enrolee speaks to a CSE (TS-0009 clause 6.4), beside what WebSocket needs.
const ONEM2M: [&str; 31] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "user-agent",
    "x-m2m-asri",
    "x-m2m-cto",
    "x-m2m-cts",
    "x-m2m-ec",
    "x-m2m-gid",
    "x-m2m-oet",
    "x-m2m-ot",
    "x-m2m-ret",
    "x-m2m-ri",
    "x-m2m-rst",
    "x-m2m-rtu",
    "x-m2m-rtv",
    "x-m2m-rvi",
    "x-m2m-vsi",
    "x-m2m-as",
];

/// The one value of X-M2M-Origin, empty where there is none. Two of them would be joined by some servers and told apart by
/// others.
pub(super) fn origin(headers: &HeaderMap) -> Result<&str, Refusal> {
    for name in headers.keys().filter(|name| name.as_str().starts_with("x-m2m-")) {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(Refusal::Originator(Rsc::BadRequest, "a oneM2M header field stands twice"));
        }
    }
    let Some(value) = headers.get("x-m2m-origin") else { return Ok("") };
    value.to_str().map_err(|_| Refusal::Originator(Rsc::NotAuthenticated, "an originator is of ASCII"))
}

/// Whether a request is meant for a CSE.
pub(super) fn is_onem2m(method: &Method, headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("x-m2m-"))
        || !resource_types(method, headers).is_empty()
}

/// Whether a request registers an AE, CREATE of the type 2, or may be read as one: some readers take `02`, and the last
/// of several types.
pub(super) fn registers(method: &Method, headers: &HeaderMap) -> bool {
    let is_another = |kind: &String| {
        let plain = kind.bytes().all(|octet| octet.is_ascii_digit()) && !kind.starts_with('0');
        plain && !kind.is_empty() && kind != "2"
    };
    !resource_types(method, headers).iter().all(is_another)
}

/// Each `ty` of a CREATE (TS-0009 clause 6.4.3).
fn resource_types(method: &Method, headers: &HeaderMap) -> Vec<String> {
    let mut types = Vec::new();
    let kinds = headers.get_all(header::CONTENT_TYPE).iter().filter(|_| *method == Method::POST);
    for kind in kinds.map(|kind| String::from_utf8_lossy(kind.as_bytes())) {
        let parameters = kind.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
        let named = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("ty"));
        types.extend(named.map(|(_, value)| value.trim().trim_matches('"').to_owned()));
    }
    types
}

/// What of a request's header goes on. `further` passes beside what is listed for a CSE.
pub(super) fn forward(asked: &HeaderMap, onem2m: bool, further: &[HeaderName]) -> HeaderMap {
    let named = of_connection(asked);
    let passes = |name: &HeaderName| {
        let text = name.as_str();
        let closed = HOP_BY_HOP.contains(&text)
            || OWN.contains(&text)
            || named.iter().any(|hop| hop == text)
            // Some servers read an underscore as a hyphen.
            || text.contains('_')
            || text.starts_with("x-forwarded-");
        let listed = ONEM2M.contains(&text) || text.starts_with("sec-websocket-") || further.contains(name);
        !closed && if onem2m { listed } else { !text.starts_with("x-m2m-") }
    };
    copied(asked, passes)
}

/// What of an answer's header goes back.
pub(super) fn back(answered: &HeaderMap) -> HeaderMap {
    let named = of_connection(answered);
    copied(answered, |name| {
        let text = name.as_str();
        let own = matches!(text, "authentication-info" | "x-3gpp-asserted-identity");
        !(HOP_BY_HOP.contains(&text) || own || named.iter().any(|hop| hop == text))
    })
}

fn copied(from: &HeaderMap, passes: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut to = HeaderMap::with_capacity(from.len());
    for (name, value) in from.iter().filter(|(name, _)| passes(name)) {
        to.append(name.clone(), value.clone());
    }
    to
}

/// What Connection names: of this connection too.
fn of_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|text| text.split(',')).map(|name| name.trim().to_ascii_lowercase());
    // Nobody makes the proxy drop what it checks by.
    names.filter(|name| !matches!(name.as_str(), "" | "content-type" | "content-length" | "host")).collect()
}

/// What a request wants its connection to turn into, where it does.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<&HeaderValue> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let asked =
        values.flat_map(|text| text.split(',')).any(|name| name.trim().eq_ignore_ascii_case("upgrade"));
    headers.get(header::UPGRADE).filter(|_| asked)
}

/// Whether it is a WebSocket that may be: oneM2M's own names its originators in frames that nobody here reads.
pub(super) fn websocket(headers: &HeaderMap, kind: &HeaderValue, allowed: bool) -> Result<(), Refusal> {
    let is = kind.to_str().is_ok_and(|kind| kind.trim().eq_ignore_ascii_case("websocket"));
    if !is || !allowed {
        return Err(Refusal::Status(StatusCode::FORBIDDEN, "no connection of that kind"));
    }
    let protocols = headers.get_all("sec-websocket-protocol").iter();
    let onem2m = protocols
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .any(|name| name.trim().to_ascii_lowercase().starts_with("onem2m."));
    if onem2m {
        return Err(Refusal::Originator(
            Rsc::NotAuthenticated,
            "originators in a WebSocket are not authenticated",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn what_a_client_says_of_itself_stays_outside() {
        let asked = headers(&[
            ("authorization", "Digest x"),
            ("proxy-authorization", "x"),
            ("x-m2m-origin", "CAdmin"),
            ("x_m2m_origin", "CAdmin"),
            ("x-3gpp-asserted-identity", "\"sip:other@example\""),
            ("x_3gpp_asserted_identity", "\"sip:other@example\""),
            ("x-forwarded-for", "x"),
            ("forwarded", "for=x"),
            ("connection", "keep-alive, cookie"),
            ("cookie", "a=b"),
            ("transfer-encoding", "chunked"),
            ("accept", "application/json"),
            ("x-m2m-ri", "1"),
            ("content-type", "application/json;ty=3"),
            ("x-other", "1"),
        ]);
        let names = |map: HeaderMap| {
            map.keys().map(|name| name.to_string()).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(
            names(forward(&asked, true, &[])),
            ["accept", "content-type", "x-m2m-ri"].map(str::to_owned).into()
        );
        let further = [HeaderName::from_static("x-other"), HeaderName::from_static("authorization")];
        assert!(forward(&asked, true, &further).contains_key("x-other"));
        assert!(!forward(&asked, true, &further).contains_key("authorization"));
        let plain = names(forward(&asked, false, &[]));
        assert_eq!(plain, ["accept", "content-type", "x-other"].map(str::to_owned).into());
    }

    #[test]
    fn two_originators_are_none() {
        assert!(matches!(origin(&headers(&[("x-m2m-origin", "Ca")])), Ok("Ca")));
        assert!(matches!(origin(&headers(&[])), Ok("")));
        let two = headers(&[("x-m2m-origin", "Ca"), ("X-M2M-Origin", "CAdmin")]);
        assert!(matches!(origin(&two), Err(Refusal::Originator(Rsc::BadRequest, _))));
        let two = headers(&[("x-m2m-ri", "1"), ("x-m2m-ri", "2")]);
        assert!(origin(&two).is_err());
    }

    #[test]
    fn a_registration_is_known_by_its_type() {
        let of = |method, kind: &str| registers(&method, &headers(&[("content-type", kind)]));
        assert!(of(Method::POST, "application/json;ty=2"));
        assert!(of(Method::POST, "application/vnd.onem2m-res+json; charset=utf-8; TY=\"2\""));
        assert!(!of(Method::POST, "application/json;ty=23") && !of(Method::POST, "application/json"));
        assert!(!of(Method::PUT, "application/json;ty=2"));
        for odd in ["ty=02", "ty=+2", "ty=3;ty=2", "ty=2;ty=3", "ty=0_2", "ty=", "ty=2 "] {
            assert!(of(Method::POST, &format!("application/json;{odd}")), "{odd}");
        }
        let mut two = headers(&[("content-type", "application/json;ty=3")]);
        two.append("content-type", HeaderValue::from_bytes(b"a/b;x=\xe9;ty=2").unwrap());
        assert!(registers(&Method::POST, &two));
    }

    #[test]
    fn a_websocket_of_onem2m_is_none_here() {
        let kind = HeaderValue::from_static("WebSocket");
        let with = |protocol| headers(&[("connection", "Upgrade"), ("sec-websocket-protocol", protocol)]);
        assert!(websocket(&with("chat"), &kind, true).is_ok());
        assert!(websocket(&with("chat, oneM2M.json"), &kind, true).is_err());
        assert!(websocket(&with("chat"), &kind, false).is_err());
        assert!(websocket(&with("chat"), &HeaderValue::from_static("h2c"), true).is_err());
    }
}
