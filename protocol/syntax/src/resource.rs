//! The type of a resource (distribution `docs/content/spec/auth/scope.md`, `resourcetype`).

/// Splits `type(class)`; `None` if either part is malformed.
pub fn split_class(text: &str) -> Option<(&str, Option<&str>)> {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    match text.split_once('(') {
        None => word(text).then_some((text, None)),
        Some((resource_type, rest)) => {
            let class = rest.strip_suffix(')')?;
            (word(resource_type) && word(class)).then_some((resource_type, Some(class)))
        }
    }
}

/// Whether this is the default class of a resource type.
pub fn is_default_class(resource_type: &str, class: &str) -> bool {
    resource_type == "repository" && class == "image"
}
