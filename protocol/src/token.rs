//! The response of a token service (distribution `docs/content/spec/auth/token.md` and `oauth.md`).

mod response;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use response::parse_and_inspect;
pub use response::{
    DEFAULT_LIFETIME_MS, MAX_RESPONSE, ResponseNotes, TokenResponse, TokenResponseError, parse_token_response,
};
