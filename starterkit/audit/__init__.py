"""`build.py audit`: which plausible wrong solutions would get full marks, and would every right one get them?"""
