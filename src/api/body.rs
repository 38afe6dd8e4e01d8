//! Request bodies: JSON of bounded size, and an error that names the member at fault.

use super::Problem;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use http::{StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

/// Octets of a JSON body; the largest request has some hundred.
const MAX_JSON: usize = 64 * 1024;

/// A JSON body. An empty body counts as `{}`, so that every member may have a default.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = content_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") && !media.ends_with("+json") {
            let detail = "the body must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let octets = read(request.into_body(), MAX_JSON).await?;
        let octets: &[u8] = if octets.is_empty() { b"{}" } else { &octets };
        let mut reader = serde_json::Deserializer::from_slice(octets);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.inner());
            Problem::bad_request(if path == "." { inner.to_string() } else { format!("{path}: {inner}") })
        })?;
        reader.end().map_err(|error| Problem::bad_request(error.to_string()))?;
        Ok(Self(value))
    }
}

/// Reads a body of at most `limit` octets.
pub(super) async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {limit} octets")))
        }
        Err(_) => Err(Problem::bad_request("the body did not arrive whole")),
    }
}
