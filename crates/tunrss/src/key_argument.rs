//! A hash key as the commands take it.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use tunrss_hash::HashKey;
use tunrss_hash::key::KeyError;

/// What `--hkey` says: `tunrss` and `tunrss-vhost` take the same.
///
/// All users of the machine can see what is typed, in the list of processes, for as long as the command
/// runs. So the argument can also be `@` and the path of a file that has the text.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one, for a moment")]
pub enum KeyArgument {
    /// A key is to be drawn.
    Random,
    /// This one.
    Key(HashKey),
}

impl KeyArgument {
    /// Understand `text`: bytes in hexadecimal, with or without colons; `random`, `microsoft` or
    /// `symmetric`; or `@` and the path of a file that has one of these and perhaps a newline behind it;
    /// `@-` is standard input. Blocks while the file is read.
    ///
    /// # Errors
    /// [`KeyArgumentError`]
    pub fn read(text: &str) -> Result<Self, KeyArgumentError> {
        let Some(path) = text.strip_prefix('@') else {
            return parse(text).map_err(KeyArgumentError::Key);
        };
        let mut bytes = Vec::new();
        let read =
            |from: &mut dyn Read, to: &mut Vec<u8>| from.take(MAX_FILE_LEN + 1).read_to_end(to);
        let (name, read) = match path {
            "-" => ("standard input", read(&mut io::stdin().lock(), &mut bytes)),
            path => (path, File::open(path).and_then(|mut file| read(&mut file, &mut bytes))),
        };
        let path = || PathBuf::from(name);
        read.map_err(|source| KeyArgumentError::Read { path: path(), source })?;
        if bytes.len() as u64 > MAX_FILE_LEN {
            return Err(KeyArgumentError::TooLong { path: path() });
        }
        let text =
            str::from_utf8(&bytes).map_err(|_| KeyArgumentError::NotText { path: path() })?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        parse(line.strip_suffix('\r').unwrap_or(line))
            .map_err(|source| KeyArgumentError::File { path: path(), source })
    }
}

fn parse(text: &str) -> Result<KeyArgument, KeyError> {
    Ok(match text {
        "random" => KeyArgument::Random,
        "microsoft" => KeyArgument::Key(HashKey::MICROSOFT),
        "symmetric" => KeyArgument::Key(HashKey::SYMMETRIC),
        hex => KeyArgument::Key(hex.parse()?),
    })
}

/// Why a text is no [`KeyArgument`].
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum KeyArgumentError {
    /// It is no key.
    #[error(transparent)]
    Key(KeyError),
    /// The file has something else than a key.
    #[error("{} has no key", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: KeyError,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not text.
    #[error("{} is not text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The file is longer than any key.
    #[error("{} is longer than {MAX_FILE_LEN} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

/// Five times what the longest key takes.
const MAX_FILE_LEN: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What a file with these bytes means.
    fn of_file(bytes: &[u8]) -> Result<KeyArgument, String> {
        let name = format!("tunrss-key-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, bytes).unwrap();
        let read = KeyArgument::read(&format!("@{}", path.display()));
        fs::remove_file(&path).unwrap();
        read.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let text = error.to_string().replace(&path.display().to_string(), "FILE");
            format!("{text}; {}", source.unwrap_or_default())
        })
    }

    #[test]
    fn file_has_the_text_that_could_be_typed() {
        let key = HashKey::new(&[0x6d, 0x5a, 0xff]).unwrap();
        for text in ["6d5aff", "6d:5a:FF"] {
            assert!(KeyArgument::read(text).unwrap() == KeyArgument::Key(key));
            for end in ["", "\n", "\r\n"] {
                assert!(
                    of_file(format!("{text}{end}").as_bytes()).unwrap() == KeyArgument::Key(key)
                );
            }
        }
        let names = [
            ("random", KeyArgument::Random),
            ("microsoft", KeyArgument::Key(HashKey::MICROSOFT)),
            ("symmetric", KeyArgument::Key(HashKey::SYMMETRIC)),
        ];
        for (name, argument) in names {
            assert!(KeyArgument::read(name).unwrap() == argument);
            assert!(of_file(format!("{name}\n").as_bytes()).unwrap() == argument);
        }
    }

    #[test]
    fn what_a_file_has_instead_is_told() {
        for (bytes, message) in [
            (&b"6d5x"[..], "FILE has no key; hash key has 'x' at position 3"),
            (b"6d5a\n\n", "FILE has no key; hash key has '\\n' at position 4"),
            (b"@other", "FILE has no key; hash key has '@' at position 0"),
            (b"\xff\xfe", "FILE is not text; "),
            (&[b'0'; 5000], "FILE is longer than 4096 bytes; "),
        ] {
            let error = of_file(bytes).map(drop).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
        let error = |text| KeyArgument::read(text).map(drop).unwrap_err().to_string();
        assert_eq!(error("@/no/such/file"), "cannot read /no/such/file");
        assert_eq!(error("@/dev/zero"), "/dev/zero is longer than 4096 bytes");
        assert_eq!(error("@"), "cannot read ");
    }
}
