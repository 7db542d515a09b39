"""Ask documents; every sentence of an answer cites the exact sentence it rests on."""
