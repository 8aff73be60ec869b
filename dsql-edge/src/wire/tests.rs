//! Compares this crate's frames and messages with those of `postgres-protocol`, for the same input.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::IsNull;
use postgres_protocol::message::{backend as their_backend, frontend as theirs};
use proptest::prelude::*;

use super::backend::{self, Message};
use super::{Limits, Parameters, frontend};

fn parameters(values: &[Option<Vec<u8>>]) -> Parameters {
    let mut parameters = Parameters::default();
    for value in values {
        parameters.bytes.extend_from_slice(value.as_deref().unwrap_or_default());
        let end = value.as_ref().map(|_| parameters.bytes.len());
        parameters.each.push((end, i16::from(value.is_some())));
    }
    parameters
}

proptest! {
    #[test]
    fn a_query_is_written_as_postgres_protocol_writes_it(
        sql in "\\PC{0,40}",
        types in proptest::collection::vec(any::<u32>(), 0..4),
        times in proptest::collection::vec(
            proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)), 0..4), 1..3),
        formats in proptest::collection::vec(0_i16..2, 0..4),
    ) {
        let each: Vec<Parameters> = times.iter().map(|values| parameters(values)).collect();
        let mut ours = Vec::new();
        frontend::parse(&sql, &types, 1 << 20, &mut ours).unwrap();
        for (time, parameters) in each.iter().enumerate() {
            frontend::execute(parameters, &formats, time == 0, 1 << 20, &mut ours).unwrap();
        }
        frontend::sync(&mut ours);

        let mut expected = BytesMut::new();
        theirs::parse("", &sql, types.iter().copied(), &mut expected).unwrap();
        for (time, values) in times.iter().enumerate() {
            theirs::bind(
                "",
                "",
                values.iter().map(|value| i16::from(value.is_some())),
                values,
                |value, out| {
                    let Some(value) = value else { return Ok(IsNull::Yes) };
                    out.extend_from_slice(value);
                    Ok(IsNull::No)
                },
                formats.iter().copied(),
                &mut expected,
            )
            .map_err(|_| ())
            .unwrap();
            if time == 0 {
                theirs::describe(b'P', "", &mut expected).unwrap();
            }
            theirs::execute("", 0, &mut expected).unwrap();
        }
        theirs::sync(&mut expected);
        prop_assert_eq!(ours, expected);
    }

    /// A frame that this crate rejects is rejected by postgres-protocol, too. The content of a message is the same in
    /// both crates, or both reject it. Of DataRows, only those that this crate accepts are compared.
    #[test]
    fn messages_are_read_as_postgres_protocol_reads_them(
        tag in prop_oneof![Just(b'R'), Just(b'T'), Just(b'D'), Just(b'E'), Just(b'Z'), Just(b'C'), Just(b'n')],
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(255), Just(b'a')], 0..40),
        ],
    ) {
        let mut frame = BytesMut::from(&[tag][..]);
        frame.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        frame.extend_from_slice(&body);
        let bytes = frame.to_vec();
        let ours = backend::next_message(&bytes, &Limits { message: 1 << 20, row: 1 << 20 }).map(|message| message.unwrap().0);
        let theirs = their_backend::Message::parse(&mut frame).map(|message| message.unwrap());
        match (ours, theirs) {
            (Ok(Message::CommandComplete(ours)), theirs) => {
                let theirs = match &theirs {
                    Ok(their_backend::Message::CommandComplete(theirs)) => theirs.tag().ok(),
                    _ => None,
                };
                prop_assert_eq!(ours.tag().ok(), theirs);
            }
            (Ok(Message::ReadyForQuery(ours)), theirs) => {
                let theirs = match &theirs {
                    Ok(their_backend::Message::ReadyForQuery(theirs)) => Some(theirs.status()),
                    _ => None,
                };
                prop_assert_eq!(Some(ours), theirs);
            }
            (Ok(Message::RowDescription(ours)), theirs) => {
                let ours = backend::row_description(ours).ok();
                let ours: Option<Vec<_>> = ours.map(|fields| {
                    fields.into_iter().map(|field| (field.name, field.type_oid, field.format)).collect()
                });
                let theirs = match &theirs {
                    Ok(their_backend::Message::RowDescription(theirs)) => theirs
                        .fields()
                        .map(|field| Ok((field.name().to_owned(), field.type_oid(), field.format())))
                        .collect()
                        .ok(),
                    _ => None,
                };
                prop_assert_eq!(ours, theirs);
            }
            (Ok(Message::DataRow(ours)), Ok(their_backend::Message::DataRow(theirs))) => {
                let count = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let row = backend::data_row(ours, count);
                // Only rows that this crate accepts are compared: postgres-protocol treats any negative length as NULL.
                if let Ok(row) = row {
                    let ranges: Vec<_> = theirs.ranges().collect().unwrap();
                    prop_assert_eq!(ranges.len(), count);
                    for (index, range) in ranges.into_iter().enumerate() {
                        let theirs = range.map(|range| theirs.buffer()[range].to_vec());
                        prop_assert_eq!(row.column(index).unwrap().map(<[u8]>::to_vec), theirs);
                    }
                }
            }
            (Ok(Message::ErrorResponse(ours)), theirs) => {
                let theirs = match &theirs {
                    Ok(their_backend::Message::ErrorResponse(theirs)) => {
                        theirs.fields().map(|field| Ok(field.type_())).collect::<Vec<u8>>().ok()
                    }
                    _ => None,
                };
                prop_assert_eq!(backend::database_error(ours).is_ok(), theirs.is_some());
            }
            (Err(_), theirs) => prop_assert!(theirs.is_err()),
            _ => {}
        }
    }
}
