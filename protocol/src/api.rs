//! The key server's HTTP API: paths, headers and bodies, defined once for server and browser.

use std::fmt;
use std::marker::PhantomData;

use secrecy::SecretString;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::code::ErrorCode;
use crate::flow::{RegistryAuth, StepRecord};

/// `POST`: log in.
pub const SESSIONS: &str = "/v1/sessions";
/// `GET`: the current session; `PUT`: another part of its cookies; `DELETE`: log out.
pub const SESSION: &str = "/v1/session";
/// `POST`: issue a registry token.
pub const TOKEN: &str = "/v1/token";
/// `GET`: the configured registries.
pub const REGISTRIES: &str = "/v1/registries";
/// `GET`: public keys as a JWK set (RFC 7517).
pub const KEYS: &str = "/v1/keys";
/// `*`: the gateway; followed by `{registry}/v2/…`.
pub const GATEWAY: &str = "/r/";

/// A cookie that carries a session is named this, followed by 16 hex digits of the SHA-256 of the registry's canonical
/// name: one session per registry, side by side. Further parts of a long session are in cookies with `-2` and `-3` after
/// that. RFC 6265bis: `__Host-` binds it to the host, `Secure` and `Path=/`.
pub const SESSION_COOKIE_PREFIX: &str = "__Host-dockpass-";
/// The same where the key server has a base path: the cookie is sent to that path only, which `__Host-` does not allow.
pub const SESSION_COOKIE_PREFIX_BELOW: &str = "__Secure-dockpass-";
/// Requests that change something under a cookie session carry this header, which no cross-site form can send. Its value is
/// the [`id`](SessionResponse::id) of the session that the page shows, or anything else where any session will do.
pub const CSRF_HEADER: &str = "x-dockpass";
/// The gateway relays every challenge that would open a browser's password box under this name instead of
/// `WWW-Authenticate`.
pub const CHALLENGE_HEADER: &str = "registry-challenge";
/// The header under which the gateway relays the `Link` lines of a listing whose next page cannot be requested through
/// it. Clients that follow `Link` alone then never send a token to another server (decision 0024).
pub const LINK_HEADER: &str = "registry-link";
/// `application/problem+json`, RFC 9457.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// How a session is transported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// In the response body; the caller sends it as `Authorization: Bearer`.
    #[default]
    Bearer,
    /// In the [`SESSION_COOKIE_PREFIX`] cookie.
    Cookie,
}

/// Body of `POST /v1/sessions`: `{registry, username, password}` or `{registry, identity_token}`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The registry's name: host or host:port.
    pub registry: String,
    /// RFC 7617 user-id.
    #[serde(default)]
    pub username: Option<String>,
    /// The password, personal access token or robot secret.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Password))]
    pub password: Option<SecretString>,
    /// An OAuth2 refresh token instead of user name and password.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Password))]
    pub identity_token: Option<SecretString>,
    /// How the session is transported.
    #[serde(default)]
    pub carrier: Carrier,
    /// Whether the response lists the redacted steps of the login.
    #[serde(default)]
    pub trace: bool,
}

/// Response of `POST /v1/sessions` and `GET /v1/session`. `Debug` does not show the session.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionResponse {
    /// Canonical name of the registry.
    pub registry: String,
    /// The user who is logged in.
    pub username: String,
    /// A name for the session, from which it cannot be made. A page sends it in `X-Dockpass`, so that it never acts as
    /// another user than the one it shows.
    #[serde(default)]
    pub id: String,
    /// When the session expires, in milliseconds since the epoch.
    pub expires_at: i64,
    /// How the registry authenticates, as seen at login, so that the page can request a token before its first request
    /// to the registry: the members `auth`, `realm` and `service`.
    #[serde(flatten)]
    pub auth: RegistryAuth,
    /// The sealed session, only in the response to a login with [`Carrier::Bearer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Parts of a long session that are not yet in cookies, in the response to a login with [`Carrier::Cookie`]: each is sent
    /// back with `PUT /v1/session`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// The steps of the login, if `trace` was set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
}

impl fmt::Debug for SessionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionResponse")
            .field("registry", &self.registry)
            .field("username", &self.username)
            .field("expires_at", &self.expires_at)
            .field("auth", &self.auth)
            .field("has_session", &self.session.is_some())
            .finish_non_exhaustive()
    }
}

/// Body of `PUT /v1/session`: another part of a session that a login began to put into cookies.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionPart {
    /// Canonical name of the registry.
    pub registry: String,
    /// Which part; the first, counted from 1, was set by the login.
    pub number: usize,
    /// The part, from the response to the login.
    pub text: String,
    /// Whether it is the last, after which the session has to be good.
    #[serde(default)]
    pub is_last: bool,
}

impl fmt::Debug for SessionPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionPart")
            .field("registry", &self.registry)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// The challenge that the page received. The key server compares it with the session and never uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportedChallenge {
    /// The `realm` parameter as received.
    pub realm: String,
    /// The `service` parameter, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Body of `POST /v1/token`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IssueTokenRequest {
    /// The registry's name: host or host:port.
    pub registry: String,
    /// Scopes, each `type:name:actions`.
    pub scopes: Vec<String>,
    /// The challenge that the page received, if any.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub challenge: Option<ReportedChallenge>,
    /// The registry rejected the last token for these scopes: issue a new one instead of a cached one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fresh: bool,
    /// Whether the response lists the redacted steps at the token service.
    #[serde(default, skip_serializing_if = "is_false")]
    pub trace: bool,
}

/// Reads an object or `null`. serde also reads an array as if it were the object with its elements as members.
fn optional_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_any(Object(PhantomData))
}

/// Whether a token is a readable JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenForm {
    /// A JWS in compact form whose claims can be read.
    Jwt,
    /// Anything else.
    Opaque,
}

/// Response of `POST /v1/token`. `Debug` does not show the token.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssuedToken {
    /// The registry token.
    pub token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// How long the token may be used, in seconds from now.
    pub expires_in: u64,
    /// When the token was issued, in milliseconds since the epoch, by the key server's clock.
    pub issued_at: i64,
    /// A session that replaces the one presented, because the token service has replaced the refresh token in it
    /// (only with [`Carrier::Bearer`]; a cookie is replaced in the response's headers).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Whether the claims of the token can be read.
    pub kind: TokenForm,
    /// Requested scopes that the token grants by its claims. The registry makes the final decision.
    pub granted: Vec<String>,
    /// Requested scopes that the token does not grant.
    pub denied: Vec<String>,
    /// Requested scopes of which the token's claims say nothing.
    pub unknown: Vec<String>,
    /// The steps at the token service, if `trace` was set; empty for a cached token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("expires_in", &self.expires_in)
            .field("kind", &self.kind)
            .field("granted", &self.granted)
            .field("denied", &self.denied)
            .field("unknown", &self.unknown)
            .finish_non_exhaustive()
    }
}

/// One entry of `GET /v1/registries`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegistryInfo {
    /// Canonical name: the `registry` of every other request and of the gateway's path.
    pub registry: String,
    /// The display name.
    pub name: String,
    /// The URL of the registry's API, without `/v2/`.
    pub url: String,
    /// The gateway's path to the registry, relative to the key server.
    pub gateway: String,
    /// Repositories from the configuration, to show for a registry without a catalog (Docker Hub).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalog: Vec<String>,
}

/// Response of `GET /v1/registries`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegistryList {
    /// The registries, in the order of the configuration.
    pub registries: Vec<RegistryInfo>,
}

/// An RFC 9457 problem document.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProblemDocument {
    /// Always `about:blank`; `code` identifies the problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: ErrorCode,
    /// The server whose request failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<crate::flow::Hop>,
    /// The id of the request, which the log shows as well.
    pub request_id: String,
    /// Seconds to wait, with `rate_limited`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The steps up to the failure, if `trace` was set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
    /// What the steps do not contain, for a diagnosis; if `trace` was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Box<crate::doctor::Context>>,
}

impl ProblemDocument {
    /// Creates the document for a code.
    pub fn new(code: ErrorCode, request_id: String) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: code.sentence().to_owned(),
            status: code.status(),
            code,
            step: None,
            request_id,
            retry_after: None,
            steps: Vec::new(),
            context: None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::{IssuedToken, SessionResponse};

    /// LOG-01: `Debug` output shows no secret.
    #[test]
    fn debug_shows_neither_token_nor_session() {
        let issued = r#"{"token":"canary","token_type":"Bearer","expires_in":60,"issued_at":0,"kind":"opaque",
            "granted":["repository:a:pull"],"denied":[],"unknown":[]}"#;
        let issued: IssuedToken = serde_json::from_str(issued).unwrap();
        let info =
            r#"{"registry":"reg.test","username":"ada","expires_at":0,"auth":"basic","session":"canary"}"#;
        let info: SessionResponse = serde_json::from_str(info).unwrap();
        let shown = format!("{issued:?} {info:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("repository:a:pull") && shown.contains("has_session: true"), "{shown}");
    }
}
