import unittest

from clean import clean


class CleanTest(unittest.TestCase):
    def test_takes_out_what_is_there_twice(self):
        self.assertEqual(clean("id,amount\n1,2.5\n1,2.5\n2,3\n"), "id,amount\n1,2.5\n2,3\n")

    def test_takes_out_amounts_that_are_no_numbers(self):
        self.assertEqual(clean("id,amount\n1,none\n2,\n3\n4,1e3\n"), "id,amount\n4,1e3\n")

    def test_takes_out_rows_that_are_too_long(self):
        self.assertEqual(clean("id,amount\n1,2,3\n4,5\n"), "id,amount\n4,5\n")

    def test_leaves_a_header_alone(self):
        self.assertEqual(clean("id,amount\n"), "id,amount\n")


if __name__ == "__main__":
    unittest.main()
