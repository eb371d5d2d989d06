//! Writes challenges onto a tape.

use super::{Challenge, each_challenge};
use crate::tape::{MAX_TEXT, Tag, Tape, Word, word};

/// Parses the challenges of header lines that are parts of `text`, and writes them onto a tape whose places are positions
/// in `text`: an array of `{"scheme", "token68"?, "params": {name: value}}`. The tape is overwritten.
///
/// `None` if the lines have an error, or if the tape cannot represent them: an escape, or a name or scheme in upper case
/// that is not a [`Word`]. Use [`parse_lines`](super::parse_lines) then.
pub fn write_on_tape<'a>(
    text: &'a str,
    lines: &mut dyn Iterator<Item = &'a str>,
    tape: &mut Tape,
) -> Option<()> {
    if text.len() > MAX_TEXT {
        return None;
    }
    tape.clear();
    let mut writer = Writer { text, tape };
    let list = writer.tape.open();
    let mut count = 0;
    let mut written = true;
    each_challenge(lines, |challenge| {
        count += 1;
        written = written && writer.challenge(&challenge).is_some();
    })
    .ok()?;
    writer.tape.close(list, Tag::Array, count);
    written.then_some(())
}

struct Writer<'a> {
    text: &'a str,
    tape: &'a mut Tape,
}

impl Writer<'_> {
    fn challenge(&mut self, challenge: &Challenge<'_>) -> Option<()> {
        let object = self.tape.open();
        self.word(Word::Scheme);
        self.part(&challenge.scheme)?;
        if let Some(token68) = &challenge.token68 {
            self.word(Word::Token68);
            self.part(token68)?;
        }
        self.word(Word::Params);
        let params = self.tape.open();
        for param in &challenge.params {
            self.part(&param.name)?;
            self.part(&param.value)?;
        }
        self.tape.close(params, Tag::Object, challenge.params.len());
        self.tape.close(object, Tag::Object, 2 + usize::from(challenge.token68.is_some()));
        Some(())
    }

    fn word(&mut self, name: Word) {
        self.tape.push(Tag::Word, 0, name as usize);
    }

    fn part(&mut self, part: &str) -> Option<()> {
        // Borrowed parts lie in the text; lower-cased or unescaped parts do not.
        let start = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if let Some(word) = word(part.as_bytes(), 0, part.len()) {
            self.tape.push(Tag::Word, 0, word);
        } else {
            let end = start.checked_add(part.len()).filter(|&end| end <= self.text.len())?;
            self.tape.push(Tag::Text, start, end);
        }
        Some(())
    }
}
