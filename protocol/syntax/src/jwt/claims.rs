//! Reading header and claims.

use std::borrow::Cow;

use super::{Access, JwtProblem, MAX_ACCESS, MAX_TIME, MAX_TOKEN, TokenInfo, base64url};
use crate::json::{JsonError, Kind, Reader};
use crate::scope::{Scope, split_class};

/// Decodes a token. The error is `None` for an opaque token and the problem for a broken JWT.
pub(super) fn inspect(token: &str) -> Result<TokenInfo, Option<JwtProblem>> {
    if token.len() > MAX_TOKEN {
        return Err(Some(JwtProblem::TooLarge));
    }
    let mut parts = token.splitn(6, '.');
    let mut next = || parts.next().map(str::as_bytes);
    let (Some(header), Some(claims)) = (next(), next()) else {
        return Err(looks_like_json(token.as_bytes()).then_some(JwtProblem::PartCount));
    };
    if !looks_like_json(header) {
        return Err(None);
    }
    let signature = match (next(), next(), next(), next()) {
        (Some(signature), None, ..) => signature,
        // Five parts are a JWE (RFC 7516 §3.1): its claims are not for us.
        (Some(_), Some(_), Some(_), None) => return Err(None),
        _ => return Err(Some(JwtProblem::PartCount)),
    };
    decode(header, claims, signature).map_err(Some)
}

/// Whether a part is base64url of a text that begins like a JSON object: `{` after any JSON white space.
fn looks_like_json(part: &[u8]) -> bool {
    // By far most headers begin with `{"`.
    if part.starts_with(b"eyJ") {
        return true;
    }
    let start = part.get(..part.len().min(16) / 4 * 4).unwrap_or_default();
    let start = if start.is_empty() { part } else { start };
    let mut decoded = Vec::new();
    base64url::decode(start, &mut decoded).is_some() && decoded.trim_ascii_start().starts_with(b"{")
}

fn decode(header: &[u8], claims: &[u8], signature: &[u8]) -> Result<TokenInfo, JwtProblem> {
    if claims.is_empty() || signature.is_empty() {
        return Err(JwtProblem::EmptyPart);
    }
    if !base64url::is_valid(signature) {
        return Err(JwtProblem::Base64);
    }
    let mut bytes = Vec::with_capacity((header.len() + claims.len()) / 4 * 3 + 4);
    base64url::decode(header, &mut bytes).ok_or(JwtProblem::Base64)?;
    let claims_at = bytes.len();
    base64url::decode(claims, &mut bytes).ok_or(JwtProblem::Base64)?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.utf8_error().valid_up_to() < claims_at => return Err(JwtProblem::HeaderJson),
        Err(_) => return Err(JwtProblem::ClaimsJson),
    };
    // Not at a boundary if a character begins in the header and ends in the claims, which makes both no UTF-8.
    let (header, claims) = text.split_at_checked(claims_at).ok_or(JwtProblem::HeaderJson)?;
    let mut info = TokenInfo::default();
    read_header(header, &mut info)?;
    read_claims(claims, &mut info)?;
    info.claims_at = claims_at;
    info.text = text;
    Ok(info)
}

/// Failures while reading, before it is known which part they are of.
enum Failure {
    Json(JsonError),
    Problem(JwtProblem),
}

impl Failure {
    fn problem(self, syntax: JwtProblem) -> JwtProblem {
        match self {
            Self::Json(JsonError::Syntax) => syntax,
            Self::Json(JsonError::Depth) => JwtProblem::TooLarge,
            Self::Problem(problem) => problem,
        }
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl From<JwtProblem> for Failure {
    fn from(problem: JwtProblem) -> Self {
        Self::Problem(problem)
    }
}

fn read_header(text: &str, info: &mut TokenInfo) -> Result<(), JwtProblem> {
    let mut reader = Reader::new(text);
    let mut seen = Seen::default();
    let result: Result<(), Failure> = reader.object(|name, value| {
        match name {
            "alg" => {
                seen.mark(1)?;
                if value.kind()? != Kind::String {
                    return Err(JwtProblem::Algorithm.into());
                }
                info.algorithm = Some(value.string()?.into_owned());
            }
            "kid" => {
                seen.mark(2)?;
                info.key_id = text_claim(value)?;
            }
            _ => value.skip()?,
        }
        Ok(())
    });
    result
        .and_then(|()| Ok(reader.end()?))
        .and_then(|()| if info.algorithm.is_some() { Ok(()) } else { Err(JwtProblem::Algorithm.into()) })
        .map_err(|failure| failure.problem(JwtProblem::HeaderJson))
}

fn read_claims(text: &str, info: &mut TokenInfo) -> Result<(), JwtProblem> {
    let mut reader = Reader::new(text);
    let mut seen = Seen::default();
    let result: Result<(), Failure> = reader.object(|name, value| {
        match name {
            "iss" => {
                seen.mark(1)?;
                info.issuer = text_claim(value)?;
            }
            "sub" => {
                seen.mark(2)?;
                info.subject = text_claim(value)?;
            }
            "aud" => {
                seen.mark(4)?;
                read_audience(value, &mut info.audience)?;
            }
            "exp" => {
                seen.mark(8)?;
                info.expires_at = time_claim(value)?;
            }
            "nbf" => {
                seen.mark(16)?;
                info.not_before = time_claim(value)?;
            }
            "iat" => {
                seen.mark(32)?;
                info.issued_at = time_claim(value)?;
            }
            "jti" => {
                seen.mark(64)?;
                text_claim(value)?;
            }
            "access" => {
                seen.mark(128)?;
                info.access = Access::List(read_access(value)?);
            }
            _ => value.skip()?,
        }
        Ok(())
    });
    result.and_then(|()| Ok(reader.end()?)).map_err(|failure| failure.problem(JwtProblem::ClaimsJson))
}

/// Which names have been read, one bit each.
#[derive(Default)]
struct Seen(u8);

impl Seen {
    fn mark(&mut self, bit: u8) -> Result<(), JwtProblem> {
        if self.0 & bit != 0 {
            return Err(JwtProblem::Duplicate);
        }
        self.0 |= bit;
        Ok(())
    }
}

/// A string, or `null` for none.
fn text_claim(value: &mut Reader<'_>) -> Result<Option<String>, Failure> {
    match value.kind()? {
        Kind::String => Ok(Some(value.string()?.into_owned())),
        Kind::Null => Ok(value.null().map(|()| None)?),
        _ => Err(JwtProblem::ClaimType.into()),
    }
}

/// A `NumericDate` (RFC 7519 §2) in milliseconds, or `null` for none.
fn time_claim(value: &mut Reader<'_>) -> Result<Option<i64>, Failure> {
    match value.kind()? {
        Kind::Number => {
            value.number()?.thousandths(MAX_TIME).map(Some).ok_or_else(|| JwtProblem::Time.into())
        }
        Kind::Null => Ok(value.null().map(|()| None)?),
        _ => Err(JwtProblem::ClaimType.into()),
    }
}

/// One string, a list of strings, or `null` (distribution's `AudienceList` takes all three).
fn read_audience(value: &mut Reader<'_>, audience: &mut Vec<String>) -> Result<(), Failure> {
    if value.kind()? != Kind::Array {
        audience.extend(text_claim(value)?);
        return Ok(());
    }
    value.array(|element| {
        if audience.len() == MAX_ACCESS {
            return Err(JwtProblem::TooLarge.into());
        }
        if element.kind()? != Kind::String {
            return Err(JwtProblem::ClaimType.into());
        }
        audience.push(element.string()?.into_owned());
        Ok(())
    })
}

fn read_access(value: &mut Reader<'_>) -> Result<Vec<Scope>, Failure> {
    let mut entries = Vec::new();
    match value.kind()? {
        Kind::Null => value.null()?,
        Kind::Array => value.array(|entry| {
            if entries.len() == MAX_ACCESS {
                return Err(JwtProblem::TooLarge.into());
            }
            entries.push(read_entry(entry)?);
            Ok::<(), Failure>(())
        })?,
        _ => return Err(JwtProblem::Access.into()),
    }
    Ok(entries)
}

/// `{"type", "class"?, "name", "actions"}`; other members are ignored. Absent or `null` actions are none.
fn read_entry(value: &mut Reader<'_>) -> Result<Scope, Failure> {
    if value.kind()? != Kind::Object {
        return Err(JwtProblem::Access.into());
    }
    let mut seen = Seen::default();
    let (mut resource_type, mut class, mut name, mut actions) = (None, None, None, Vec::new());
    value.object(|member, value| {
        match member {
            "type" => {
                seen.mark(1)?;
                resource_type = Some(entry_text(value)?);
            }
            "class" => {
                seen.mark(2)?;
                if value.kind()? == Kind::Null {
                    value.null()?;
                } else {
                    class = Some(entry_text(value)?).filter(|class| !class.is_empty());
                }
            }
            "name" => {
                seen.mark(4)?;
                name = Some(entry_text(value)?);
            }
            "actions" => {
                seen.mark(8)?;
                match value.kind()? {
                    Kind::Null => value.null()?,
                    Kind::Array => value.array(|action| {
                        actions.push(entry_text(action)?.into_owned());
                        Ok::<(), Failure>(())
                    })?,
                    _ => return Err(JwtProblem::Access.into()),
                }
            }
            _ => value.skip()?,
        }
        Ok::<(), Failure>(())
    })?;
    let (Some(resource_type), Some(name)) = (resource_type, name) else {
        return Err(JwtProblem::Access.into());
    };
    // Older services write the class into the type.
    let (resource_type, class) = match split_class(&resource_type) {
        Some((plain, Some(inline))) => {
            (plain.to_owned(), class.or(Some(Cow::Borrowed(inline))).map(Cow::into_owned))
        }
        _ => (resource_type.clone().into_owned(), class.map(Cow::into_owned)),
    };
    Ok(Scope { resource_type, class, name: name.into_owned(), actions })
}

fn entry_text<'a>(value: &mut Reader<'a>) -> Result<Cow<'a, str>, Failure> {
    if value.kind()? != Kind::String {
        return Err(JwtProblem::Access.into());
    }
    Ok(value.string()?)
}
