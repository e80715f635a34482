"""The decision log as it lies in a folder.

    stream/        what servers wrote lately: framed records, a file per process, closed at 64 MB or after an hour
    date=2026-11-26/part-….parquet   the same for good, packed from closed files of the stream
    content/       every version of rules, blocks and models that a record was made with
    names/         what the numbers in histories mean
    items/         the catalogue, once a day
    erased         pseudonyms that have to go

Everything but `stream/` may be copied to where analysts work; nothing in it names a person.
"""
