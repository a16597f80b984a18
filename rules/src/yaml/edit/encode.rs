use crate::yaml::Encoding;

const BOM: char = '\u{feff}';

/// The bytes of a file: the reverse of what reading it did.
pub fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 { bom: false } => text.as_bytes().to_vec(),
        Encoding::Utf8 { bom: true } => format!("{BOM}{text}").into_bytes(),
        Encoding::Utf16Le => utf16(text, u16::to_le_bytes),
        Encoding::Utf16Be => utf16(text, u16::to_be_bytes),
    }
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let bom = std::iter::once(BOM);
    let mut units = [0; 2];
    let mut out = Vec::with_capacity(2 * text.len() + 2);
    for c in bom.chain(text.chars()) {
        for unit in c.encode_utf16(&mut units) {
            out.extend(bytes(*unit));
        }
    }
    out
}
