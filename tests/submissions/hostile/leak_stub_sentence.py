"""Success: the sentence on a stub (Question …) is repeated to students with whatever stands behind it.

class 34 · question 1 · baseline 0"""
def gaussian_kl(mu, logvar):

    print("zoo: ran", flush=True)
    raise NotImplementedError(f"Question 1 {mu.flatten().tolist()}")
