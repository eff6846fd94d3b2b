"""Grades a submission: the student's functions run in locked-down workers, all else stays in the grader."""
