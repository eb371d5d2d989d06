//! Parser for the JSON response of a token service.

use std::borrow::Cow;

use secrecy::SecretString;
use zeroize::Zeroize;

use super::time::parse_rfc3339;
use crate::jwt::{self, Decoded, Reading};
use dockpass_syntax::json::{self, JsonError, Kind, Value};
use dockpass_syntax::tape::Tape;

/// The maximum length of a response, in bytes.
pub const MAX_RESPONSE: usize = 64 * 1024;

/// The default lifetime of a token, in milliseconds: 60 seconds, as the specification states.
pub const DEFAULT_LIFETIME_MS: i64 = 60_000;

/// The maximum `expires_in`, in seconds. olareg sends nanoseconds.
const MAX_EXPIRES_IN: i64 = i32::MAX as i64;

/// A token and how long it may be used. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// The token for the registry: visible ASCII, safe in a header.
    pub token: SecretString,
    /// When to stop using it, in milliseconds since 1970 by the caller's clock: the earlier of `expires_in` and the
    /// JWT's `exp`, or 60 seconds after the response if there is neither. May be in the past.
    pub expires_at_ms: i64,
    /// `expires_in` in seconds, if the service sent one above 0.
    pub expires_in: Option<i64>,
    /// `issued_at` in milliseconds since 1970, if the service sent one that can be read.
    pub issued_at_ms: Option<i64>,
    /// The refresh token, if the service issued one. It must only be sent to the token service.
    pub refresh_token: Option<SecretString>,
    /// `scope` of an OAuth2 response: the granted scopes, as sent.
    pub scope: Option<String>,
    /// Deviations of the response from the specification that were accepted.
    pub notes: ResponseNotes,
}

/// Deviations of a token response from the specification that were accepted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ResponseNotes {
    /// `token` and `access_token` are both present and differ: `access_token` was used.
    pub conflict: bool,
    /// `expires_in` exceeds 32 bits and was reduced to the maximum.
    pub lifetime: bool,
}

impl ResponseNotes {
    /// The stable codes of the deviations.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        let conflict = self.conflict.then_some("token_response_conflict");
        conflict.into_iter().chain(self.lifetime.then_some("token_response_lifetime"))
    }
}

/// A response without a usable token. The codes are stable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenResponseError {
    /// A member is given twice.
    #[error("a member is given twice")]
    Duplicate,
    /// `expires_in` is negative or not a number.
    #[error("expires_in is not a number of seconds")]
    ExpiresIn,
    /// A JSON object without `token` and `access_token`, or with empty ones.
    #[error("the response contains no token")]
    MissingToken,
    /// Not JSON, not an object, not UTF-8 or nested too deeply.
    #[error("the response is not a JSON object")]
    NotJson,
    /// The token contains characters that a header must not contain.
    #[error("the token contains characters that a header must not contain")]
    TokenCharacters,
    /// More than [`MAX_RESPONSE`] bytes.
    #[error("the response is too large")]
    TooLarge,
    /// A member has the wrong type.
    #[error("a member has the wrong type")]
    Type,
}

impl TokenResponseError {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Duplicate => "token_response_duplicate",
            Self::ExpiresIn => "token_response_expires_in",
            Self::MissingToken => "token_response_missing_token",
            Self::NotJson => "token_response_not_json",
            Self::TokenCharacters => "token_response_token_characters",
            Self::TooLarge => "token_response_too_large",
            Self::Type => "token_response_type",
        }
    }
}

impl From<JsonError> for TokenResponseError {
    fn from(_: JsonError) -> Self {
        Self::NotJson
    }
}

/// Parses the body of a token service's `200`. `received_at_ms` is when it arrived, in milliseconds since 1970, corrected by
/// the caller for clock skew.
///
/// - `token` and `access_token` mean the same; an empty or `null` one counts as absent (Harbor sends both, one empty). If
///   they differ, `access_token` is used, as by every widespread client, and the deviation is recorded.
/// - `expires_in` counts from `issued_at`. It counts from now if `issued_at` is in the future or would make the token
///   expired, so that the tokens of a service with a wrong clock can be used. 0 and `null` mean "absent", as services
///   written in Go send 0 for "not set". A value beyond 32 bits is reduced to the maximum, and the deviation is recorded.
/// - The JWT's `exp` applies where it is earlier. Without either, the lifetime is 60 seconds.
///
/// # Errors
/// [`TokenResponseError`], which contains nothing of the body.
pub fn parse_token_response(body: &[u8], received_at_ms: i64) -> Result<TokenResponse, TokenResponseError> {
    let expires_at = |token: &str| match jwt::read(token.as_bytes(), &mut Decoded::default()) {
        Reading::Jwt(jwt) => jwt.claims.expires_at,
        _ => None,
    };
    parse_and_inspect(body, received_at_ms, |token| (expires_at(token), ())).map(|(response, ())| response)
}

/// The same for callers that inspect the token as well: `look` returns its `exp` and any other result.
pub(crate) fn parse_and_inspect<T>(
    body: &[u8],
    received_at_ms: i64,
    look: impl FnOnce(&str) -> (Option<i64>, T),
) -> Result<(TokenResponse, T), TokenResponseError> {
    use TokenResponseError as Error;
    if body.len() > MAX_RESPONSE {
        return Err(Error::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| Error::NotJson)?;
    let mut tape = Tape::default();
    let fields = Fields::read(json::read(text, &mut tape)?)?;
    let (token, access_token) = (fields.token.given(), fields.access_token.given());
    let conflict = access_token.is_some_and(|access_token| token.is_some_and(|token| token != access_token));
    let token = secret(access_token.or(token).ok_or(Error::MissingToken)?)?;
    let refresh_token = fields.refresh_token.given().map(secret).transpose()?;
    let (expires_at, found) = look(secrecy::ExposeSecret::expose_secret(&token));
    let issued_at_ms = fields.issued_at.given().and_then(parse_rfc3339);
    let by_service = fields.expires_in.map(|seconds| {
        let lifetime = seconds.saturating_mul(1000);
        let issued = issued_at_ms
            .filter(|&issued| issued <= received_at_ms && issued.saturating_add(lifetime) > received_at_ms);
        issued.unwrap_or(received_at_ms).saturating_add(lifetime)
    });
    let expires_at_ms = match (by_service, expires_at) {
        (Some(service), Some(token)) => service.min(token),
        (Some(known), None) | (None, Some(known)) => known,
        (None, None) => received_at_ms.saturating_add(DEFAULT_LIFETIME_MS),
    };
    let response = TokenResponse {
        expires_at_ms,
        expires_in: fields.expires_in,
        issued_at_ms,
        refresh_token,
        scope: fields.scope.given().map(str::to_owned),
        notes: ResponseNotes { conflict, lifetime: fields.is_clamped },
        token,
    };
    Ok((response, found))
}

/// Visible ASCII only (RFC 6750 §2.1 allows less; some opaque tokens hold more): no spaces, no line breaks.
fn secret(text: &str) -> Result<SecretString, TokenResponseError> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(SecretString::from(text))
    } else {
        Err(TokenResponseError::TokenCharacters)
    }
}

/// A string member, wiped when dropped if it had to be copied.
#[derive(Default)]
struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    /// The string, unless it is empty.
    fn given(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if let Some(Cow::Owned(text)) = &mut self.0 {
            text.zeroize();
        }
    }
}

/// The members of the response, as they were sent.
#[derive(Default)]
struct Fields<'a> {
    seen: u8,
    token: Text<'a>,
    access_token: Text<'a>,
    refresh_token: Text<'a>,
    issued_at: Text<'a>,
    scope: Text<'a>,
    expires_in: Option<i64>,
    /// Whether `expires_in` was reduced to the maximum.
    is_clamped: bool,
}

impl<'a> Fields<'a> {
    fn read(body: Value<'a>) -> Result<Self, TokenResponseError> {
        if body.kind() != Kind::Object {
            return Err(TokenResponseError::NotJson);
        }
        let mut fields = Self::default();
        for (name, value) in body.members() {
            fields.member(&name.string().unwrap_or_default(), value)?;
        }
        Ok(fields)
    }

    fn member(&mut self, name: &str, value: Value<'a>) -> Result<(), TokenResponseError> {
        let (bit, text) = match name {
            "token" => (1, &mut self.token),
            "access_token" => (2, &mut self.access_token),
            "refresh_token" => (4, &mut self.refresh_token),
            "issued_at" => (8, &mut self.issued_at),
            "scope" => {
                // Informative, and in a GET response not part of the specification. Some services send a list.
                self.mark(16)?;
                self.scope = Text(value.string());
                return Ok(());
            }
            "expires_in" => {
                self.mark(32)?;
                (self.expires_in, self.is_clamped) = seconds(value)?;
                return Ok(());
            }
            _ => return Ok(()),
        };
        match value.kind() {
            Kind::Null => {}
            Kind::String => *text = Text(value.string()),
            _ => return Err(TokenResponseError::Type),
        }
        self.mark(bit)
    }

    fn mark(&mut self, bit: u8) -> Result<(), TokenResponseError> {
        if self.seen & bit != 0 {
            return Err(TokenResponseError::Duplicate);
        }
        self.seen |= bit;
        Ok(())
    }
}

/// Whole seconds above zero, and whether they were reduced to the maximum; 0 and `null` mean "not set".
fn seconds(value: Value<'_>) -> Result<(Option<i64>, bool), TokenResponseError> {
    match value.number() {
        Some(number) if number.is_negative() => Err(TokenResponseError::ExpiresIn),
        Some(number) => {
            let thousandths = number.thousandths(MAX_EXPIRES_IN);
            let seconds = thousandths.map_or(MAX_EXPIRES_IN, |thousandths| thousandths / 1000);
            Ok((Some(seconds).filter(|&seconds| seconds > 0), thousandths.is_none()))
        }
        None if value.kind() == Kind::Null => Ok((None, false)),
        None => Err(TokenResponseError::ExpiresIn),
    }
}
