//! A `redis-server` for tests: on loopback, in its own folder, with a user that has only the permissions that the key server
//! needs. Dropping it kills the process.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// The user of the key server.
pub const USER: &str = "dockpass";

/// The permissions of that user, as in the documentation: no scripts, and only keys of the key server.
pub const RIGHTS: &str = "~dockpass:* &dockpass:* -@all +hello +select +ping +time +multi +exec \
                          +subscribe +publish +set +getrange +unlink +exists +incr +pttl +expire +zadd +zscan \
                          +zscore +zremrangebyscore";

/// Why there is no server or no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// `redis-server` is not installed.
    #[error(
        "redis-server cannot be started ({0}); `cargo xtask tools` installs it, or: apt-get install redis-server"
    )]
    NotInstalled(io::Error),
    /// An I/O error.
    #[error("redis: {0}")]
    Io(#[from] io::Error),
    /// The server does not listen.
    #[error("redis-server did not answer within {START:?}")]
    NotReady,
    /// A malformed response.
    #[error("redis-server answered with something that cannot be read")]
    Protocol,
}

/// A running server.
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    address: SocketAddr,
    password: String,
    folder: PathBuf,
    /// The port that speaks TLS, besides the other one.
    tls: Option<u16>,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A null value.
    Nil,
    /// A number.
    Integer(i64),
    /// Octets.
    Bytes(Vec<u8>),
    /// An array.
    List(Vec<Value>),
    /// An error.
    Error(String),
}

impl RedisServer {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn start() -> Result<Self, RedisError> {
        Self::start_in(new_folder()?, None).await
    }

    /// The same, which also speaks TLS at [`RedisServer::store_address`], with this certificate and key in PEM.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn start_with_tls(certificate: &str, key: &str) -> Result<Self, RedisError> {
        let folder = new_folder()?;
        std::fs::write(folder.join("tls.pem"), certificate)?;
        std::fs::write(folder.join("tls.key"), key)?;
        Self::start_in(folder, Some(free_address()?.port())).await
    }

    async fn start_in(folder: PathBuf, tls: Option<u16>) -> Result<Self, RedisError> {
        let address = free_address()?;
        let password = format!("store-{}", random_hex()?);
        let mut server =
            Self { child: spawn(&folder, address, &password, tls)?, address, password, folder, tls };
        server.until_ready().await?;
        Ok(server)
    }

    /// The address for key servers: with TLS if the server has it.
    pub fn store_address(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), self.tls.unwrap_or(self.address.port()))
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The password of [`USER`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Kills the server, and starts an empty one on the same port.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn restart(&mut self) -> Result<(), RedisError> {
        self.kill();
        self.child = spawn(&self.folder, self.address, &self.password, self.tls)?;
        self.until_ready().await
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal, such as `STOP`: the server then keeps its connections and does not respond.
    ///
    /// # Errors
    /// When `kill` is not available.
    pub fn signal(&self, name: &str) -> Result<(), RedisError> {
        Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        Ok(())
    }

    /// Sends a command as a user with all permissions.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn ask<A: AsRef<[u8]>>(&self, arguments: &[A]) -> Result<Value, RedisError> {
        let mut stream = TcpStream::connect(self.address).await?;
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            let argument = argument.as_ref();
            request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        stream.write_all(&request).await?;
        let mut buffer = Vec::new();
        loop {
            if let Some((value, _)) = parse(&buffer) {
                return Ok(value);
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(RedisError::Protocol);
            }
        }
    }

    /// The names that match this pattern.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn names(&self, pattern: &str) -> Result<Vec<String>, RedisError> {
        match self.ask(&["KEYS", pattern]).await? {
            Value::List(names) => Ok(names.iter().filter_map(Value::text).collect()),
            _ => Err(RedisError::Protocol),
        }
    }

    /// The whole content with names and times to live in milliseconds, as one sequence of octets.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn dump(&self) -> Result<Vec<(String, Vec<u8>, i64)>, RedisError> {
        let mut all = Vec::new();
        for name in self.names("*").await? {
            let content = match self.ask(&["TYPE", &name]).await?.text().as_deref() {
                Some("zset") => format!("{:?}", self.ask(&["ZRANGE", &name, "0", "-1"]).await?).into_bytes(),
                _ => match self.ask(&["GET", &name]).await? {
                    Value::Bytes(bytes) => bytes,
                    _ => Vec::new(),
                },
            };
            let Value::Integer(left) = self.ask(&["PTTL", &name]).await? else {
                return Err(RedisError::Protocol);
            };
            all.push((name, content, left));
        }
        Ok(all)
    }

    async fn until_ready(&mut self) -> Result<(), RedisError> {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if let Ok(Value::Bytes(bytes)) = self.ask(&["PING"]).await
                && bytes == b"PONG"
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("redis-server ended with {status}")).into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(RedisError::NotReady)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Value {
    /// The string; `None` for other kinds.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }
}

fn new_folder() -> Result<PathBuf, RedisError> {
    let folder = std::env::temp_dir().join(format!("dockpass-redis-{}", random_hex()?));
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

/// An address of loopback that nobody uses now.
fn free_address() -> Result<SocketAddr, RedisError> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn spawn(
    folder: &std::path::Path,
    address: SocketAddr,
    password: &str,
    tls: Option<u16>,
) -> Result<Child, RedisError> {
    let file = folder.join("redis.conf");
    let tls = tls.map_or_else(String::new, |port| {
        format!("tls-port {port}\ntls-cert-file tls.pem\ntls-key-file tls.key\ntls-auth-clients no\n")
    });
    // The password is not passed on the command line.
    let text = format!(
        "bind {}\nport {}\nsave \"\"\nappendonly no\ndir {}\n{tls}user {USER} on >{password} {RIGHTS}\n",
        address.ip(),
        address.port(),
        folder.display()
    );
    std::fs::write(&file, text)?;
    Command::new("redis-server")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(RedisError::NotInstalled)
}

fn random_hex() -> Result<String, RedisError> {
    let mut bytes = [0_u8; 12];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

/// The first value and the remaining octets, if the value is complete.
fn parse(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = bytes.split_at(end);
    let rest = rest.get(2..)?;
    let (kind, line) = line.split_first()?;
    let text = String::from_utf8_lossy(line).into_owned();
    match kind {
        b'+' => Some((Value::Bytes(line.to_vec()), rest)),
        b'-' => Some((Value::Error(text), rest)),
        b':' => Some((Value::Integer(text.parse().ok()?), rest)),
        b'$' => match usize::try_from(text.parse::<i64>().ok()?) {
            Err(_) => Some((Value::Nil, rest)),
            Ok(length) => Some((Value::Bytes(rest.get(..length)?.to_vec()), rest.get(length + 2..)?)),
        },
        b'*' => {
            let mut rest = rest;
            let mut list = Vec::new();
            for _ in 0..text.parse::<i64>().ok()? {
                let (value, after) = parse(rest)?;
                list.push(value);
                rest = after;
            }
            Some((Value::List(list), rest))
        }
        _ => None,
    }
}
