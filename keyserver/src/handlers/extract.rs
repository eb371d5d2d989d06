//! Extractors for bodies and queries. Errors are problem documents; the framework's own messages repeat the input.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use dockpass_protocol::code::ErrorCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{Extensions, HeaderMap, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::state::AppState;

/// A JSON body of at most `limits.body_bytes`, without encoding and with the media type `application/json`, which
/// cross-site forms cannot send.
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        read_json(&head.headers, body, state).await.map(Self)
    }
}

/// See [`ApiJson`].
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    state: &AppState,
) -> Result<T, ApiError> {
    if !is_json(headers) || headers.contains_key(CONTENT_ENCODING) {
        return Err(ErrorCode::UnsupportedMediaType.into());
    }
    let limit = state.settings.limits.body_bytes;
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(ErrorCode::PayloadTooLarge.into());
    }
    let reading = Limited::new(body, limit).collect();
    let body = match tokio::time::timeout(state.settings.limits.header_timeout, reading).await {
        Err(_) => return Err(ErrorCode::RequestTimeout.into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(ErrorCode::PayloadTooLarge.into()),
        Ok(Err(_)) => return Err(ErrorCode::InvalidRequest.into()),
        Ok(Ok(body)) => body.to_bytes(),
    };
    // serde reads an array as if it were the object with its elements as members.
    let is_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let value = serde_json::from_slice(&body).ok().filter(|_| is_object);
    value.ok_or_else(|| ErrorCode::InvalidRequest.into())
}

/// `application/json`, with or without parameters, exactly once.
fn is_json(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(CONTENT_TYPE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return false };
    let text = field.to_str().unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// The query `?registry=…` and nothing else: a session in a URL would end up in logs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistryQuery {
    #[serde(default)]
    pub(crate) registry: Option<String>,
}

/// Reads the query as [`RegistryQuery`].
pub(crate) struct Query(pub(crate) RegistryQuery);

impl FromRequestParts<AppState> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|_| ErrorCode::InvalidRequest.into())
    }
}

/// No query. `?session=` and `?access_token=` are refused rather than ignored.
pub(crate) struct NoQuery;

impl FromRequestParts<AppState> for NoQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, ApiError> {
        no_query(&parts.uri).map(|()| Self)
    }
}

/// See [`NoQuery`].
pub(crate) fn no_query(uri: &Uri) -> Result<(), ApiError> {
    if uri.query().is_none_or(str::is_empty) { Ok(()) } else { Err(ErrorCode::InvalidRequest.into()) }
}

/// The peer's address, from the accept loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub SocketAddr);

/// The client's address: the peer's, or the one that a trusted proxy forwards.
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(client_of(&parts.extensions, &parts.headers, state)))
    }
}

/// The client's address, from the parts of a request.
pub(crate) fn client_of(extensions: &Extensions, headers: &HeaderMap, state: &AppState) -> IpAddr {
    let peer = extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    client_address(peer, headers, &state.settings.trusted_proxies)
}

/// Walks `X-Forwarded-For` from the nearest proxy outwards while the address is one of a trusted proxy.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    if trusted.is_empty() {
        return address;
    }
    let lines: Vec<&str> = headers
        .get_all(header::HeaderName::from_static("x-forwarded-for"))
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    while trusted.iter().any(|network| network.contains(&address)) {
        match hops.next().map(|hop| forwarded_address(hop.trim())) {
            Some(Some(next)) => address = next.to_canonical(),
            Some(None) | None => break,
        }
    }
    address
}

/// An address as proxies write it: alone, with a port, or an IPv6 address in brackets.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    text.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| in_brackets().map(IpAddr::V6))
}

#[cfg(test)]
mod tests;
