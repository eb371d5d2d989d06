use super::{config, gateway_path, session, token_response};

/// Pseudo-random octets: the same in each run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// The seeds, changed in a few places.
fn inputs(seeds: &[&str]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..20).map(|seed| noise(seed, 60)).collect();
    for (index, seed) in seeds.iter().enumerate() {
        all.push(seed.as_bytes().to_vec());
        for round in 0..40 {
            let mut changed = seed.as_bytes().to_vec();
            for pair in noise(round * 31 + index as u64 + 7, 6).chunks(2) {
                let place = usize::from(pair[0]) * changed.len() / 256;
                changed[place] = pair[1];
            }
            all.push(changed);
        }
    }
    all
}

// Threats: JWE-01.
#[test]
fn no_invented_session_opens() {
    for input in &inputs(&["eyJh.e30.e30.e30.e30", "a.b.c.d.e.f"]) {
        session(input);
    }
}

// Threats: FLT-08.
#[test]
fn every_configuration_is_read_or_refused() {
    let example = include_str!("../../../config.example.yaml");
    for input in &inputs(&[
        "listen: 0.0.0.0:1\n",
        "registries: [{host: a.example}, {url: 'https://b.example'}]",
        example,
    ]) {
        config(input);
    }
}

// Threats: GW-11.
#[test]
fn a_path_is_sent_as_it_was_read() {
    let seeds = ["GET\n/v2/a/b/tags/list\nn=1&last=x", "GET\n/v2/../x", "PUT\n/v2/a/manifests/latest\n"];
    for input in &inputs(&seeds) {
        gateway_path(input);
    }
}

// Threats: UPS-01.
#[test]
fn every_response_of_a_token_service_ends_the_flow() {
    let body = r#"{"token":"abc.def.ghi","expires_in":60}"#;
    let good = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let basic =
        "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"a\"\r\ncontent-length: 0\r\n\r\n";
    for input in &inputs(&[&good, basic, "HTTP/1.1 200 OK\r\n\r\n"]) {
        token_response(input);
    }
}
