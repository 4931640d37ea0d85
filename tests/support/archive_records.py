"""Records for the index, made by number."""

from __future__ import annotations

import datetime as dt
from typing import Any

from webviewer.archive import InstanceRecord

NAMES = ("SILVA^João", "GONÇALVES^Ana", "Müller^Jürgen", "SMITH^Bob", "O'NEIL^Mary", "山田^太郎", "100%_SURE^A")
MODALITIES = ("CT", "MR", "US")
DESCRIPTIONS = ("CT THORAX", "MR HEAD", "ABDOMEN ultrasound", "")


def record(number: int, **changes: Any) -> InstanceRecord:
    """Return the record of an object that is alone in its study, except for what is changed.

    Objects of one Study Instance UID have one patient: the last number of the UID names the patient.
    """
    person = int(changes.get("study_instance_uid", f"1.2.5.{number}").rpartition(".")[2])
    values: dict[str, Any] = {
        "sop_instance_uid": f"1.2.3.{number}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "series_instance_uid": f"1.2.4.{number}",
        "study_instance_uid": f"1.2.5.{number}",
        "patient_id": f"ID{person % 50_000:06}",
        "issuer_of_patient_id": "",
        "patient_name": f"{NAMES[person % len(NAMES)]} {person}",
        "patient_sex": "MFO"[person % 3],
        "patient_birth_date": dt.date(1950, 1, 1) + dt.timedelta(days=person % 20_000),
        "study_date": dt.date(2010, 1, 1) + dt.timedelta(days=(number * 7919) % 6000),
        "study_time": dt.time(10, number % 60),
        "accession_number": f"A{number}",
        "study_description": DESCRIPTIONS[number % len(DESCRIPTIONS)],
        "referring_physician_name": f"DOCTOR^{number % 97}",
        "institution_name": f"HOSPITAL {number % 13}",
        "modality": MODALITIES[number % 3],
        "body_part_examined": ("CHEST", "HEAD", "ABDOMEN")[number % 3],
        "series_number": 1,
        "series_description": "axial",
        "instance_number": number % 1000,
        "number_of_frames": 1,
        "file_name": f"{number % 256:02x}/{number // 256 % 256:02x}/{number:032x}",
        "file_bytes": 1000 + number % 100_000,
        "data_set_offset_bytes": 330,
        "pixel_data_offset_bytes": 800,
        "pixel_data_length_bytes": 200,
        "image": '{"rows": 8}',
        "file_digest": f"xxh3-128:{number:032x}",
        "block_digests": "",
    }
    return InstanceRecord(**{**values, **changes})
