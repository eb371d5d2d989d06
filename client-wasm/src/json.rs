//! Writing JSON: what the pure functions answer, to be read by the browser's own `JSON.parse`.

/// A JSON text in the making. Values are written in order; commas come by themselves.
#[derive(Debug, Default)]
pub(crate) struct Json {
    text: String,
}

impl Json {
    /// An empty text with room for this many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes) }
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn comma(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }

    /// Begins an object or an array.
    pub(crate) fn open(&mut self, bracket: char) {
        self.comma();
        self.text.push(bracket);
    }

    /// Ends it.
    pub(crate) fn close(&mut self, bracket: char) {
        self.text.push(bracket);
    }

    /// A name of an object; its value comes next.
    pub(crate) fn name(&mut self, name: &str) {
        self.string(name);
        self.text.push(':');
    }

    /// A string.
    pub(crate) fn string(&mut self, value: &str) {
        self.comma();
        self.text.push('"');
        let mut rest = value;
        // Nearly every string has nothing to escape, and is copied at once.
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

    /// JSON that is known to be good.
    pub(crate) fn raw(&mut self, json: &str) {
        self.comma();
        self.text.push_str(json);
    }

    /// A whole number.
    pub(crate) fn number(&mut self, value: i64) {
        self.comma();
        // One digit at a time, from the last: the formatting machinery of `std` would be the larger part of this module.
        let mut digits = [0_u8; 20];
        let mut rest = value.unsigned_abs();
        let mut count = 0;
        for digit in &mut digits {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            count += 1;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            self.text.push('-');
        }
        self.text.extend(digits.iter().take(count).rev().map(|&digit| char::from(digit)));
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
