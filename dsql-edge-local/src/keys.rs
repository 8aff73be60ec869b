//! The made-up AWS keys that a local DSQL verifies tokens against: made once, kept in the folder, 0600.
//!
//! They authenticate at this machine's own database alone. Debug never prints them, since logs get pasted.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::Error;

/// Every made-up key, secret and session token begins so: readers and `.dev.vars` distinguish it from a real one.
const MADE_UP: &str = "DSQLLOCAL";

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An access key with its secret, and a session token where there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Credentials {
    /// Keys that the caller chose, such as a test vector's.
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        session_token: Option<String>,
    ) -> Credentials {
        Credentials {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token,
        }
    }

    /// New keys from the system's random source, of AWS's lengths (20 and 40 characters).
    ///
    /// # Errors
    /// If the system returns no random bytes.
    pub fn made_up() -> Result<Credentials, Error> {
        let id = format!("{MADE_UP}{}", random_text(11, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?);
        let secret = format!("{MADE_UP}{}", random_text(31, BASE64)?);
        Ok(Credentials::new(id, secret, None))
    }

    /// New keys of a session, with its token.
    pub(crate) fn made_up_session() -> Result<Credentials, Error> {
        let keys = Credentials::made_up()?;
        let token = format!("{MADE_UP}{}", random_text(191, BASE64)?);
        Ok(Credentials { session_token: Some(token), ..keys })
    }

    /// Whether an access key, a secret or a session token is one of [`Credentials::made_up`], and so is not valid
    /// elsewhere.
    pub fn is_made_up(value: &str) -> bool {
        value.starts_with(MADE_UP)
    }

    /// The access key, `AWS_ACCESS_KEY_ID`.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret, `AWS_SECRET_ACCESS_KEY`.
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    /// The session token, `AWS_SESSION_TOKEN`, where there is one.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// The keys of a file; made and written at the first time.
    pub(crate) fn of_file(path: PathBuf) -> Result<Credentials, Error> {
        match fs::read_to_string(&path) {
            Ok(text) => parse(&text).map_err(|why| Error::Keys { path, why }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Credentials::made_up()?;
                let text = format!(
                    "# Made up by dsql-local; worthless elsewhere.\nAWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\n",
                    made.access_key_id, made.secret_access_key
                );
                write_private(&path, text.as_bytes())?;
                Ok(made)
            }
            Err(source) => Err(Error::File { path, source }),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = Path::new(&name);
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
        file.write_all(content)?;
        drop(file);
        fs::rename(draft, path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(draft);
        Error::File { path: path.to_owned(), source }
    })
}

fn parse(text: &str) -> Result<Credentials, &'static str> {
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim().to_owned())
    };
    let id = value("AWS_ACCESS_KEY_ID")
        .ok_or("AWS_ACCESS_KEY_ID is missing; delete the file, and the next start writes a new one")?;
    let secret = value("AWS_SECRET_ACCESS_KEY")
        .ok_or("AWS_SECRET_ACCESS_KEY is missing; delete the file, and the next start writes a new one")?;
    Ok(Credentials::new(id, secret, None))
}

/// `length` characters of `alphabet`; its length must divide 256 for each to be equally likely.
fn random_text(length: usize, alphabet: &[u8]) -> Result<String, Error> {
    let mut random = vec![0; length];
    getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
    Ok(random
        .iter()
        .filter_map(|byte| alphabet.get(usize::from(*byte) % alphabet.len()))
        .map(|c| char::from(*c))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let keys = Credentials::new("DSQLLOCALX", "the-secret", Some("the-session".to_owned()));
        assert_eq!(format!("{keys:?}"), r#"Credentials { access_key_id: "DSQLLOCALX", .. }"#);
    }

    #[test]
    fn a_folder_keeps_its_keys_and_hides_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("dsql-local-keys-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let first = Credentials::of_file(folder.join("credentials")).unwrap();
        assert_eq!(first.access_key_id().len(), 20);
        assert_eq!(first.secret_access_key().len(), 40);
        assert!(Credentials::is_made_up(first.secret_access_key()));
        assert_eq!(Credentials::of_file(folder.join("credentials")).unwrap(), first);
        let mode = fs::metadata(folder.join("credentials")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(folder.join("credentials"), "AWS_ACCESS_KEY_ID=x\n").unwrap();
        assert!(matches!(Credentials::of_file(folder.join("credentials")), Err(Error::Keys { .. })));
        fs::remove_dir_all(&folder).unwrap();
    }
}
