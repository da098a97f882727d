"""A process that writes documents until it is killed, and says on standard output what was acknowledged.

Usage: ``python -m tests.faults.writer FILE START``. Lines: ``i N`` inserted, ``u N V`` updated to V, ``d N`` deleted, ``m N``
written in a transaction with its twin.
"""

from __future__ import annotations

import sys

from yunbox.documents import open_database


def main() -> None:
    """Write for ever."""
    path, number = sys.argv[1], int(sys.argv[2])
    with open_database(path) as database:
        collection = database["c"]
        collection.create_index("n", unique=True)
        collection.create_index([("tags", 1)])
        print("ready", flush=True)
        while True:
            number += 1
            collection.insert_one({"_id": number, "n": number, "v": 0, "tags": [f"t{number % 7}", "all"]})
            print("i", number, flush=True)
            if number % 3 == 0:
                collection.update_one({"_id": number}, {"$set": {"v": number * 2}, "$push": {"tags": "updated"}})
                print("u", number, number * 2, flush=True)
            if number % 5 == 0:
                collection.delete_one({"_id": number})
                print("d", number, flush=True)
            if number % 7 == 0:
                with database.transaction() as both:
                    both["c"].insert_one({"_id": -number, "n": -number, "v": 1, "tags": []})
                    both["c"].insert_one({"_id": f"twin{number}", "n": -number - 0.5, "v": 1, "tags": []})
                print("m", number, flush=True)
            if number % 40 == 0:
                collection.update_many({}, {"$inc": {"w": 1}})
                print("w", number, flush=True)


if __name__ == "__main__":
    main()
