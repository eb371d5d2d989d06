//! Who is logged in, as the key server tells it.

use dockpass_protocol::flow::KnownAuth;
use js_sys::Object;
use secrecy::SecretString;
use wasm_bindgen::JsValue;

use crate::object;

/// A session, and what it knows of the registry.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    registry: String,
    username: String,
    expires_at: f64,
    /// How the registry authenticates, as seen at login.
    pub(crate) auth: KnownAuth,
    /// The sealed session, with the bearer carrier only.
    pub(crate) session: Option<SecretString>,
}

impl Account {
    /// Reads a `SessionInfo` of the key server's interface; `None` when it is none.
    pub(crate) fn read(answer: &JsValue) -> Option<Self> {
        let auth = match object::string(answer, "auth")?.as_str() {
            "open" => KnownAuth::Open,
            "basic" => KnownAuth::Basic,
            "bearer" => KnownAuth::Bearer {
                realm: object::string(answer, "realm")?,
                service: object::string(answer, "service"),
            },
            _ => return None,
        };
        Some(Self {
            registry: object::string(answer, "registry")?,
            username: object::string(answer, "username")?,
            expires_at: object::number(answer, "expires_at")?,
            auth,
            session: object::string(answer, "session").map(SecretString::from),
        })
    }

    /// What the caller sees of it: no secret.
    pub(crate) fn to_session(&self) -> JsValue {
        let session = Object::new();
        object::set(&session, "registry", self.registry.as_str());
        object::set(&session, "username", self.username.as_str());
        object::set(&session, "expiresAt", self.expires_at);
        object::set(
            &session,
            "auth",
            match self.auth {
                KnownAuth::Open => "open",
                KnownAuth::Basic => "basic",
                KnownAuth::Bearer { .. } => "bearer",
            },
        );
        Object::freeze(&session).into()
    }
}
