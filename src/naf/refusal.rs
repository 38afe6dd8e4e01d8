//! What the proxy answers itself, in place of what is behind it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use std::error::Error;

/// A body of any kind on its way through.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// A body that is there already.
pub(super) fn whole(octets: impl Into<Bytes>) -> Body {
    Full::new(octets.into()).map_err(|never| match never {}).boxed_unsync()
}

/// oneM2M response status codes (TS-0004 clause 6.6.3.2, TS-0009 table 6.3.2-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rsc {
    BadRequest,
    NotAuthenticated,
    AppRule,
}

impl Rsc {
    const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "4000",
            Self::NotAuthenticated => "4106",
            Self::AppRule => "4126",
        }
    }

    /// As CoAP has it.
    pub(super) const fn number(self) -> u16 {
        match self {
            Self::BadRequest => 4000,
            Self::NotAuthenticated => 4106,
            Self::AppRule => 4126,
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotAuthenticated | Self::AppRule => StatusCode::FORBIDDEN,
        }
    }
}

/// Why a request goes no further. The texts are for the client and say nothing of who exists.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Bootstrapping required, or renegotiation: the challenge says which keys will do.
    Challenge { challenge: HeaderValue, close: bool },
    /// A oneM2M originator that the key does not stand for, or that cannot be read.
    Originator(Rsc, &'static str),
    /// Any other status.
    Status(StatusCode, &'static str),
}

impl Refusal {
    /// The answer to a request with these headers.
    pub(super) fn response(self, asked: &HeaderMap) -> Response<Body> {
        let (status, text) = match &self {
            Self::Challenge { .. } => (StatusCode::UNAUTHORIZED, "bootstrapping required"),
            Self::Originator(rsc, text) => (rsc.status(), *text),
            Self::Status(status, text) => (*status, *text),
        };
        let mut response = Response::new(whole(format!("{text}\n")));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Challenge { challenge, close } => {
                headers.insert(header::WWW_AUTHENTICATE, challenge);
                if close {
                    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
            }
            Self::Originator(rsc, _) => {
                headers.insert("x-m2m-rsc", HeaderValue::from_static(rsc.code()));
                for name in ["x-m2m-ri", "x-m2m-rvi"] {
                    let mut values = asked.get_all(name).iter();
                    if let (Some(value), None) = (values.next(), values.next()) {
                        headers.insert(name, value.clone());
                    }
                }
            }
            Self::Status(StatusCode::SERVICE_UNAVAILABLE, _) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Status(..) => {}
        }
        response
    }
}
