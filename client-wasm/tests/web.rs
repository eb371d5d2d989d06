//! Tests of the module's exports in a browser, without the package's JavaScript: the boundary, and complete flows.
//! `npm/test/browser.test.mjs` tests the package in a page.
#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

use dockpass_client_wasm::boundary;
use dockpass_client_wasm::challenge::{parse_challenges, scan_challenges};
use dockpass_client_wasm::client::{Client, registry_name, sentence};
use dockpass_client_wasm::flow::Flow;
use dockpass_client_wasm::grants::{access_grants, token_grants};
use dockpass_client_wasm::jwt::inspect_token;
use dockpass_client_wasm::response::{clock_skew, next_page};
use dockpass_protocol::tape::{Tag, Word, parts};
use js_sys::{Array, JSON, Reflect, Uint8Array, Uint32Array, WebAssembly};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const NOW: f64 = 1_790_000_000_000.0;
const CHALLENGE: &str =
    r#"Bearer realm="https://auth.test/token",service="registry.test",scope="repository:app:pull""#;

fn memory() -> JsValue {
    wasm_bindgen::memory().unchecked_into::<WebAssembly::Memory>().buffer()
}

/// Writes a string as JavaScript does, into memory that Rust does not borrow.
fn write(text: &str) -> usize {
    let at = boundary::input(text.len());
    let view = Uint8Array::new_with_byte_offset_and_length(
        &memory(),
        at.try_into().unwrap(),
        text.len().try_into().unwrap(),
    );
    view.copy_from(text.as_bytes());
    text.len()
}

/// Writes strings one after the other, and their ends into the table.
fn write_all(strings: &[&str]) -> usize {
    let ends = strings.iter().scan(0, |end, text| {
        *end += u32::try_from(text.len()).unwrap();
        Some(*end)
    });
    let ends: Vec<u32> = ends.collect();
    table().subarray(0, ends.len().try_into().unwrap()).copy_from(&ends);
    write(&strings.concat())
}

fn table() -> Uint32Array {
    Uint32Array::new_with_byte_offset_and_length(&memory(), boundary::table().try_into().unwrap(), 2048)
}

/// The result, as JavaScript reads it.
fn output(length: i32) -> JsValue {
    let at = boundary::output().try_into().unwrap();
    let view = Uint8Array::new_with_byte_offset_and_length(&memory(), at, length.unsigned_abs());
    JSON::parse(&String::from_utf8(view.to_vec()).unwrap()).unwrap()
}

fn get(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &name.into()).unwrap()
}

fn text(value: &JsValue, name: &str) -> String {
    get(value, name).as_string().unwrap_or_default()
}

fn step(flow: &mut Flow) -> JsValue {
    output(flow.step(NOW, true))
}

fn what(step: &JsValue) -> String {
    text(step, "do")
}

#[wasm_bindgen_test]
fn challenges_on_the_tape_and_as_json_are_equal() {
    let length = write(CHALLENGE);
    assert!(scan_challenges(length, 0));
    let tape =
        Uint32Array::new_with_byte_offset_and_length(&memory(), boundary::tape().try_into().unwrap(), 26);
    let tape: Vec<(Tag, usize, u32)> = tape
        .to_vec()
        .chunks_exact(2)
        .map(|entry| {
            let (tag, position) = parts([entry[0], entry[1]]);
            (tag, position, entry[1])
        })
        .collect();
    let word = |word: Word| (Tag::Word, 0, word as u32);
    // A list of one challenge: the scheme is a word of the tape, the first value a place in the text.
    assert_eq!(tape[..2], [(Tag::Array, 1, 12), (Tag::Object, 2, 12)]);
    assert_eq!(
        tape[2..7],
        [word(Word::Scheme), word(Word::Bearer), word(Word::Params), (Tag::Object, 3, 12), word(Word::Realm)]
    );
    let (_, start, end) = tape[7];
    assert_eq!(CHALLENGE.get(start..end as usize), Some("https://auth.test/token"));
    let list = Array::from(&output(parse_challenges(length, 0)));
    assert_eq!(text(&get(&list.get(0), "params"), "scope"), "repository:app:pull");
}

#[wasm_bindgen_test]
fn scan_challenges_refuses_what_the_tape_cannot_represent() {
    for header in ["Basic realm=\"a\\\"b\"", "Basic realm=\"a", "NewAuth Name=x"] {
        assert!(!scan_challenges(write(header), 0), "{header}");
    }
    let many: Vec<String> = (0..2000).map(|index| format!("a{index}=b")).collect();
    assert!(!scan_challenges(write(&format!("New {}", many.join(","))), 0));
}

#[wasm_bindgen_test]
fn the_input_grows_and_has_a_limit() {
    let long = "x".repeat(60_000);
    assert_eq!(inspect_token(write(&long)), 0);
    assert!(boundary::input_capacity() >= long.len());
    assert_eq!(boundary::input(usize::MAX), 0);
    assert_eq!(boundary::input(64 * 1024 * 1024), 0);
}

#[wasm_bindgen_test]
fn an_error_is_a_negative_length() {
    let length = parse_challenges(write("Basic realm=\"é"), 0);
    assert!(length < 0);
    let error = output(length);
    assert_eq!(text(&error, "code"), "ERR_CHALLENGE_SYNTAX");
    assert_eq!(get(&error, "position"), JsValue::from(12));
    assert!(output(registry_name(write("no name"))).is_object());
}

#[wasm_bindgen_test]
fn a_flow_from_the_challenge_to_the_response() {
    let client = Client::new();
    let mut flow = client.begin(write("GET /v2/app/tags/list")).unwrap();
    assert_eq!(what(&step(&mut flow)), "send");
    flow.response(401, write_all(&[CHALLENGE, "", "application/json", "", ""]));
    let need = step(&mut flow);
    assert_eq!((what(&need), text(&need, "realm")), ("token".into(), "https://auth.test/token".into()));
    flow.token(write("registry-token"));
    let send = step(&mut flow);
    assert_eq!((what(&send), text(&send, "token")), ("send".into(), "registry-token".into()));
    flow.response(200, write_all(&["", "", "", "", ""]));
    let done = step(&mut flow);
    assert_eq!(what(&done), "done");
    assert_eq!(text(&Array::from(&get(&done, "steps")).get(0), "decision"), "accepted");

    // The next one knows the token service, and finds the token that was kept.
    let cached = ["repository:app:pull", "", "https://auth.test/token", "registry.test", "registry-token"];
    client.keep(write_all(&cached), 60.0, NOW);
    let mut next = client.begin(write("GET /v2/app/tags/list")).unwrap();
    assert_eq!(text(&step(&mut next), "token"), "registry-token");
    assert_eq!(
        what(&output(client.begin(write("GET /v2/app/tags/list")).unwrap().step(NOW + 60_000.0, false))),
        "token"
    );
    client.forget();
    let mut after = client.begin(write("GET /v2/app/tags/list")).unwrap();
    assert_eq!(what(&step(&mut after)), "token");
}

#[wasm_bindgen_test]
fn a_login_at_a_basic_registry_sends_the_session() {
    let client = Client::new();
    client.identify(1, 0, 0);
    let mut flow = client.begin(write("GET /v2/_catalog")).unwrap();
    assert_eq!(get(&step(&mut flow), "session"), JsValue::TRUE);
    assert!(get(&output(client.token_request(write("repository:app:pull"), NOW)), "scopes").is_undefined());
}

#[wasm_bindgen_test]
fn failures_have_code_hop_and_sentence() {
    let client = Client::new();
    let mut flow = client.begin(write("GET /v2/app/tags/list")).unwrap();
    step(&mut flow);
    flow.unreachable();
    let failed = step(&mut flow);
    assert_eq!(
        (what(&failed), text(&failed, "code"), text(&failed, "step")),
        ("fail".into(), "upstream_unreachable".into(), "registry".into())
    );
    assert_eq!(output(sentence(write("upstream_unreachable"))).as_string(), Some(text(&failed, "message")));
    assert!(output(sentence(write("nonsense"))).is_null());

    let mut flow = client.begin(write("GET /v2/app/tags/list")).unwrap();
    step(&mut flow);
    flow.response(401, write_all(&[CHALLENGE, "", "", "", ""]));
    step(&mut flow);
    flow.token_failed("rate_limited".len(), write("rate_limitedtoken_service"), 429);
    let failed = step(&mut flow);
    assert_eq!(
        (text(&failed, "code"), text(&failed, "step")),
        ("rate_limited".into(), "token_service".into())
    );
    assert!(client.begin(write("GET /v1/token")).is_none());
    assert!(client.begin(write("nonsense")).is_none());
}

#[wasm_bindgen_test]
fn token_grants_and_access_grants_agree() {
    let scope = "repository:a:pull";
    let length = write(&format!("{scope}opaque"));
    assert_eq!(output(token_grants(scope.len(), length)).as_string().as_deref(), Some("unknown"));
    let length = write(&format!(r#"{scope}[{{"type":"repository","name":"a","actions":["pull","push"]}}]"#));
    assert_eq!(output(access_grants(scope.len(), length, 0)).as_string().as_deref(), Some("granted"));
    assert_eq!(output(access_grants(scope.len(), length, 1)).as_string().as_deref(), Some("denied"));
    assert_eq!(output(access_grants(scope.len(), length, 2)).as_string().as_deref(), Some("unknown"));
    let damaged = write(&format!(r#"{scope}[{{"type":"repository","name":"a","actions":["pull"]}}"#));
    assert_eq!(output(access_grants(scope.len(), damaged, 0)).as_string().as_deref(), Some("denied"));
}

#[wasm_bindgen_test]
fn pages_follow_links_of_the_registry_only() {
    let next = |link: &str| {
        let origin = link.len() + "https://registry.test".len();
        let length = write(&format!("{link}https://registry.test/v2/_catalog"));
        output(next_page(link.len(), origin, length)).as_string()
    };
    assert_eq!(next(r#"</v2/_catalog?last=a>; rel="next""#).as_deref(), Some("/v2/_catalog?last=a"));
    assert_eq!(next(r#"<https://evil.test/v2/_catalog?last=a>; rel="next""#), None);
}

#[wasm_bindgen_test]
fn the_clock_of_a_server() {
    // NOW is 2026-09-21 14:13:20 UTC.
    assert!((clock_skew(write("Mon, 21 Sep 2026 15:13:20 GMT"), NOW) - 3_600_000.0).abs() < 0.1);
    assert!(clock_skew(write("soon"), NOW).abs() < 0.1);
}

#[wasm_bindgen_test]
fn secrets_are_wiped() {
    let length = write(r#"{"token":"very-secret"}"#);
    output(dockpass_client_wasm::token::parse_token_response(length, NOW));
    boundary::wipe();
    let input =
        Uint8Array::new_with_byte_offset_and_length(&memory(), boundary::input(0).try_into().unwrap(), 64);
    assert!(input.to_vec().iter().all(|byte| *byte == 0));
}
