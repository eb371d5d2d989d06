//! A received request, parsed strictly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method};

use super::rules::{BrokenRule, Rule};

/// A request with its body.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Credentials of an `Authorization` header. No `Debug`: it holds secrets.
pub(crate) enum Credentials {
    Basic { user: String, password: String },
    Bearer(String),
}

impl Received {
    /// The value of a header, with all its lines joined as RFC 9110 §5.3 says.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// The scheme of the first `Authorization` line, for the journal.
    pub(crate) fn authorization_scheme(&self) -> Option<String> {
        let value = String::from_utf8_lossy(self.headers.get(AUTHORIZATION)?.as_bytes()).into_owned();
        Some(value.split(' ').next().unwrap_or_default().to_ascii_lowercase())
    }

    /// The user name of `Basic` credentials, for the journal.
    pub(crate) fn basic_user(&self) -> Option<String> {
        match self.credentials() {
            Ok(Some(Credentials::Basic { user, .. })) => Some(user),
            _ => None,
        }
    }

    /// The credentials, if there are any: at most one header line, `Basic` or `Bearer`, well formed.
    pub(crate) fn credentials(&self) -> Result<Option<Credentials>, BrokenRule> {
        let mut lines = self.headers.get_all(AUTHORIZATION).iter();
        let Some(line) = lines.next() else { return Ok(None) };
        if lines.next().is_some() {
            return Err(BrokenRule::new(Rule::MultipleAuthorization, "more than one Authorization header"));
        }
        let malformed =
            |why: &str| BrokenRule::new(Rule::MalformedAuthorization, format!("Authorization: {why}"));
        let line = line.to_str().map_err(|_| malformed("not visible ASCII"))?;
        let (scheme, value) = line.split_once(' ').ok_or_else(|| malformed("a scheme without a value"))?;
        if scheme.eq_ignore_ascii_case("basic") {
            let bytes = STANDARD.decode(value).map_err(|_| malformed("Basic value is not base64"))?;
            let text = String::from_utf8(bytes).map_err(|_| malformed("Basic value is not UTF-8"))?;
            let (user, password) =
                text.split_once(':').ok_or_else(|| malformed("Basic value without a colon"))?;
            Ok(Some(Credentials::Basic { user: user.to_owned(), password: password.to_owned() }))
        } else if scheme.eq_ignore_ascii_case("bearer") {
            // RFC 6750 §2.1: b64token.
            let body = value.trim_end_matches('=');
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            if body.is_empty() || !body.bytes().all(legal) {
                return Err(malformed("Bearer value is not a b64token"));
            }
            Ok(Some(Credentials::Bearer(value.to_owned())))
        } else {
            Err(malformed("a scheme that is neither Basic nor Bearer"))
        }
    }

    /// The query's parameters, decoded. Names outside `known` and repeated names outside `repeatable` are refused.
    pub(crate) fn parameters(
        &self,
        known: &[&str],
        repeatable: &[&str],
    ) -> Result<Vec<(String, String)>, BrokenRule> {
        check_names(parse_form(self.query.as_deref().unwrap_or_default())?, known, repeatable)
    }

    /// The form in the body, decoded, by the same rules.
    pub(crate) fn form(&self, known: &[&str]) -> Result<Vec<(String, String)>, BrokenRule> {
        let content_type = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let bare = content_type.split(';').next().unwrap_or_default().trim();
        if !bare.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(BrokenRule::new(Rule::WrongContentType, "a token request by POST is a form"));
        }
        let text = std::str::from_utf8(&self.body)
            .map_err(|_| BrokenRule::new(Rule::MalformedQuery, "the form is not ASCII"))?;
        check_names(parse_form(text)?, known, &[])
    }

    /// The query for the journal, even if it is malformed.
    pub(crate) fn query_leniently(&self) -> Vec<(String, String)> {
        let Some(query) = &self.query else { return Vec::new() };
        parse_form(query).unwrap_or_else(|_| vec![("(malformed)".to_owned(), String::new())])
    }

    /// The form's field names for the journal.
    pub(crate) fn form_names(&self) -> Vec<String> {
        let text = std::str::from_utf8(&self.body).unwrap_or_default();
        let names = parse_form(text).unwrap_or_default().into_iter().map(|(name, _)| name);
        if self.method == Method::POST { names.collect() } else { Vec::new() }
    }
}

/// The first value of a parameter.
pub(crate) fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn check_names(
    parameters: Vec<(String, String)>,
    known: &[&str],
    repeatable: &[&str],
) -> Result<Vec<(String, String)>, BrokenRule> {
    for (index, (name, _)) in parameters.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            return Err(BrokenRule::new(
                Rule::UnknownParameter,
                format!("parameter {name:?} is not specified"),
            ));
        }
        let earlier = parameters.iter().take(index).any(|(earlier, _)| earlier == name);
        if earlier && !repeatable.contains(&name.as_str()) {
            return Err(BrokenRule::new(
                Rule::DuplicateParameter,
                format!("parameter {name:?} is given twice"),
            ));
        }
    }
    Ok(parameters)
}

/// `application/x-www-form-urlencoded`, parsed strictly. An empty string has no parameters.
fn parse_form(text: &str) -> Result<Vec<(String, String)>, BrokenRule> {
    let malformed = |why: &str| BrokenRule::new(Rule::MalformedQuery, why);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split('&')
        .map(|pair| {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| malformed("a parameter without a value"))?;
            let name = decode(name).ok_or_else(|| malformed("a broken escape in a parameter's name"))?;
            let value = decode(value).ok_or_else(|| malformed("a broken escape in a parameter's value"))?;
            if name.is_empty() {
                return Err(malformed("a parameter without a name"));
            }
            Ok((name, value))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let high = digit(bytes.next()?)?;
                let low = digit(bytes.next()?)?;
                high * 16 + low
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::parse_form;

    #[test]
    fn forms_are_decoded_strictly() {
        let read = |text| parse_form(text).ok();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("").unwrap(), []);
        assert_eq!(
            read("service=a+b&scope=repository%3Aa%2Fb%3apull").unwrap(),
            [pair("service", "a b"), pair("scope", "repository:a/b:pull")]
        );
        assert_eq!(read("a=").unwrap(), [pair("a", "")]);
        for bad in ["a", "a=1&", "&a=1", "=1", "a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}
