//! `WWW-Authenticate` lines: no panic, and printed challenges parse to the same value.
#![no_main]

use dockpass_protocol::challenge::{MAX_CHALLENGES, parse_lines, select};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let challenges = match parse_lines(text.split('\n')) {
        Ok(challenges) => challenges,
        Err(error) => {
            let line = text.split('\n').nth(error.line).expect("the line of the error");
            assert!(error.position <= line.len());
            error.parsed
        }
    };
    assert!(challenges.len() <= MAX_CHALLENGES);
    let _ = select(&challenges);
    for challenge in &challenges {
        let printed = challenge.to_string();
        let again = parse_lines([printed.as_str()]).expect("what was printed");
        // A lenient value is quoted when printed, so it is not lenient any more.
        let [again] = again.as_slice() else { panic!("one challenge from {printed}") };
        assert_eq!(
            (&again.scheme, &again.token68, &again.params),
            (&challenge.scheme, &challenge.token68, &challenge.params)
        );
        assert!(!again.lenient);
    }
});
