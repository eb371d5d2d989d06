//! Writer for the JSON results of the pure functions. The browser reads them with `JSON.parse`.

use dockpass_protocol::text::push_decimal;

/// A JSON document under construction. Values are written in order; commas are inserted.
#[derive(Debug, Default)]
pub(crate) struct Json {
    text: String,
}

impl Json {
    /// An empty document with capacity for this many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes) }
    }

    /// The document.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn comma(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }

    /// Starts an object or an array.
    pub(crate) fn open(&mut self, bracket: char) {
        self.comma();
        self.text.push(bracket);
    }

    /// Ends an object or an array.
    pub(crate) fn close(&mut self, bracket: char) {
        self.text.push(bracket);
    }

    /// The name of a member; its value follows.
    pub(crate) fn name(&mut self, name: &str) {
        self.string(name);
        self.text.push(':');
    }

    /// A string.
    pub(crate) fn string(&mut self, value: &str) {
        self.comma();
        self.text.push('"');
        let mut rest = value;
        // Most strings have nothing to escape and are copied at once.
        while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.text.push_str(plain);
            let special = from.bytes().next().unwrap_or_default();
            self.text.push_str("\\u00");
            for nibble in [special >> 4, special & 15] {
                self.text.extend(char::from_digit(nibble.into(), 16));
            }
            rest = from.get(1..).unwrap_or_default();
        }
        self.text.push_str(rest);
        self.text.push('"');
    }

    /// One scope, or one entry of `access`: its type and name, its class and its actions.
    pub(crate) fn scope(
        &mut self,
        [resource_type, name]: [&str; 2],
        class: Option<&str>,
        actions: impl IntoIterator<Item = impl AsRef<str>>,
    ) {
        self.open('{');
        self.name("type");
        self.string(resource_type);
        self.optional_string("class", class);
        self.name("name");
        self.string(name);
        self.name("actions");
        self.strings(actions);
        self.close('}');
    }

    /// JSON that is known to be valid.
    #[cfg(any(feature = "flow", feature = "rest"))]
    pub(crate) fn raw(&mut self, json: &str) {
        self.comma();
        self.text.push_str(json);
    }

    /// A whole number.
    pub(crate) fn number(&mut self, value: i64) {
        self.comma();
        push_decimal(&mut self.text, value);
    }

    /// A named string, if there is one.
    pub(crate) fn optional_string(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(name);
            self.string(value);
        }
    }

    /// A named number, if there is one.
    pub(crate) fn optional_number(&mut self, name: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.name(name);
            self.number(value);
        }
    }

    /// An array of strings.
    pub(crate) fn strings(&mut self, values: impl IntoIterator<Item = impl AsRef<str>>) {
        self.open('[');
        for value in values {
            self.string(value.as_ref());
        }
        self.close(']');
    }
}
