//! Builds token requests (distribution `spec/auth/token.md` and `oauth.md`).

use secrecy::{ExposeSecret, SecretString};

use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::uri::percent_decode;

/// The `client_id` that is sent to token services.
const CLIENT_ID: &str = "dockpass";

/// Parameters that the client sets. They are removed from the realm's own query.
const RESERVED: &[&str] = &[
    "access_type",
    "account",
    "client_id",
    "grant_type",
    "offline_token",
    "password",
    "refresh_token",
    "scope",
    "username",
];

/// A request for a token, by GET or POST.
pub(super) struct TokenRequest<'a> {
    pub(super) realm: &'a Realm,
    pub(super) service: Option<&'a str>,
    pub(super) scopes: &'a ScopeSet,
    /// Request a refresh token as well.
    pub(super) offline: bool,
}

impl TokenRequest<'_> {
    /// The URL of the GET form. `account` is the user name of the Basic credentials, if there are any.
    pub(super) fn url(&self, account: Option<&str>) -> String {
        let mut query = self.own_query();
        if let Some(service) = self.service {
            push(&mut query, "service", service);
        }
        for scope in self.scopes {
            push(&mut query, "scope", &scope.to_string());
        }
        if let Some(account) = account.filter(|account| !account.is_empty()) {
            push(&mut query, "account", account);
        }
        push(&mut query, "client_id", CLIENT_ID);
        if self.offline {
            push(&mut query, "offline_token", "true");
        }
        self.with_query(&query)
    }

    /// URL and body of the POST form with a refresh token.
    pub(super) fn refresh_form(&self, token: &SecretString) -> (String, SecretString) {
        let mut form = String::new();
        push(&mut form, "grant_type", "refresh_token");
        if let Some(service) = self.service {
            push(&mut form, "service", service);
        }
        push(&mut form, "client_id", CLIENT_ID);
        if !self.scopes.is_empty() {
            push(&mut form, "scope", &self.scopes.to_string());
        }
        if self.offline {
            push(&mut form, "access_type", "offline");
        }
        let name = "&refresh_token=";
        // Allocated with the exact length, because reallocation would leave copies of the token in memory.
        let mut secret = String::with_capacity(form.len() + name.len() + encoded_len(token.expose_secret()));
        secret.push_str(&form);
        secret.push_str(name);
        push_encoded(&mut secret, token.expose_secret());
        (self.with_query(&self.own_query()), SecretString::from(secret))
    }

    fn with_query(&self, query: &str) -> String {
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{}{}{separator}{query}", self.realm.origin(), self.realm.path())
    }

    /// The realm's own query without the parameters that the client sets, so that `service` and `scope` are not duplicated.
    fn own_query(&self) -> String {
        let mut kept = String::new();
        let mut has_service = self.service.is_some();
        for pair in self.realm.query().split('&').filter(|pair| !pair.is_empty()) {
            let name = decoded_name(pair);
            if RESERVED.contains(&name.as_str()) || (name == "service" && has_service) {
                continue;
            }
            has_service |= name == "service";
            if !kept.is_empty() {
                kept.push('&');
            }
            kept.push_str(pair);
        }
        kept
    }
}

/// The name of a query parameter, decoded and in lower case, as the most lenient server reads it.
fn decoded_name(pair: &str) -> String {
    let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
    // A realm has no invalid escapes. If it has one, the name is compared as written.
    let decoded = percent_decode(&name).unwrap_or_else(|| name.into_bytes());
    String::from_utf8_lossy(&decoded).trim().to_ascii_lowercase()
}

fn push(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    push_encoded(query, value);
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3), which is valid in both queries and forms.
fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
}

fn encoded_len(text: &str) -> usize {
    text.bytes().map(|byte| if is_unreserved(byte) { 1 } else { 3 }).sum()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;
    use crate::realm::RealmPolicy;

    fn realm(text: &str) -> Realm {
        RealmPolicy::new(Origin::parse("https://reg.example").unwrap()).admit(text).unwrap()
    }

    fn url(
        realm_text: &str,
        service: Option<&str>,
        scopes: &str,
        account: Option<&str>,
        offline: bool,
    ) -> String {
        let (realm, scopes) = (realm(realm_text), scopes.parse().unwrap());
        TokenRequest { realm: &realm, service, scopes: &scopes, offline }.url(account)
    }

    // Threats: INJ-09.
    #[test]
    fn every_part_is_encoded_and_in_its_place() {
        assert_eq!(
            url(
                "/token",
                Some("reg&scope=registry:catalog:*"),
                "repository:a/b:pull repository:c:pull,push",
                None,
                false
            ),
            "https://reg.example/token?service=reg%26scope%3Dregistry%3Acatalog%3A%2A&scope=repository%3Aa%2Fb%3Apull\
             &scope=repository%3Ac%3Apull%2Cpush&client_id=dockpass"
        );
        assert_eq!(
            url("/token", None, "", Some("josé+x y"), true),
            "https://reg.example/token?account=jos%C3%A9%2Bx%20y&client_id=dockpass&offline_token=true"
        );
        assert_eq!(url("/token", None, "", Some(""), false), "https://reg.example/token?client_id=dockpass");
    }

    // Threats: RLM-09.
    #[test]
    fn the_realms_own_query_stays_but_for_what_is_ours() {
        assert_eq!(
            url(
                "/t?x=1&service=evil&%73cope=repository:x:push&SCOPE=y&account=root&&y",
                Some("s"),
                "",
                None,
                false
            ),
            "https://reg.example/t?x=1&y&service=s&client_id=dockpass"
        );
        assert_eq!(
            url("/t?service=own&service=other;scope=z", None, "", None, false),
            "https://reg.example/t?service=own&client_id=dockpass"
        );
    }

    #[test]
    fn the_form_holds_the_token_and_the_url_does_not() {
        let (realm, scopes) =
            (realm("/t?x=1&grant_type=password"), "repository:a:pull repository:b:pull".parse().unwrap());
        let request = TokenRequest { realm: &realm, service: Some("s"), scopes: &scopes, offline: true };
        let (url, form) = request.refresh_form(&SecretString::from("r/t+="));
        assert_eq!(url, "https://reg.example/t?x=1");
        assert_eq!(
            form.expose_secret(),
            "grant_type=refresh_token&service=s&client_id=dockpass&scope=repository%3Aa%3Apull%20repository%3Ab%3Apull\
             &access_type=offline&refresh_token=r%2Ft%2B%3D"
        );
    }
}
