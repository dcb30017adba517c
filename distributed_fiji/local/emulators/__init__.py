"""The AWS services of the embedded cloud: moto and ministack, and what is added to them."""
